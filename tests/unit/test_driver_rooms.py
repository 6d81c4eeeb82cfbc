"""Hubs of rooms that say more or less about who is in: a welcome or none, an answer to a subscription or none."""

from __future__ import annotations

import sys
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal

import msgspec
import pytest
import trio

from fuzzer.driver.session import open_session
from fuzzer.history import Dlv, History, Joined, Skip
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Open, Plan, Send, Subscribe
from fuzzer.policy import Policy
from fuzzer.target.config import JsonProtocol, Match
from fuzzer.target.model import Target

pytest.importorskip("websockets")

ROOM_HUB = """
import asyncio, json, sys
from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed

async def handle(tab):
    if "welcome" in sys.argv:
        await tab.send('{"type": "welcome"}')
    mine = set()
    try:
        async for text in tab:
            message = json.loads(text)
            tabs = rooms.setdefault(message["room"], set())
            if message["type"] == "message":
                if "speakers" in sys.argv:
                    tabs.add(tab)
                    mine.add(message["room"])
                broadcast(tabs, text)
                continue
            if "strict" in sys.argv and tab in tabs:
                return await tab.close(4409, "subscribed already")
            tabs.add(tab)
            mine.add(message["room"])
            if "subscribed" in sys.argv:
                await tab.send(json.dumps({"type": "subscribed", "room": message["room"]}))
    except ConnectionClosed:
        pass
    finally:
        for room in mine:
            rooms[room].discard(tab)

async def main():
    async with serve(handle, "127.0.0.1", int(sys.argv[1])):
        await asyncio.Future()

rooms = {}
asyncio.run(main())
"""
TALK = Plan(
    (
        Batch((Open("a", "u0"), Open("b", "u0"))),
        Batch((Subscribe("a", "r0"), Subscribe("b", "r0")), after="fence"),
        Batch((Send("a", "m0", room="r0"),), after="fence"),
        Batch((Send("b", "m1", room="r0"),), after="fence"),
    )
)


def target(folder: Path, *says: str) -> Target:
    """A hub of rooms that tells of joining in these ways."""
    (folder / "hub.py").write_text(ROOM_HUB)
    frames = {name: Match(match={"type": name}) for name in says if name == "welcome"}
    if "subscribed" in says:
        frames["subscribed"] = Match(match={"type": "subscribed"}, room="room")
    return Target(
        name="rooms",
        url="ws://127.0.0.1:{port}/?user={user}",
        start=(sys.executable, "hub.py", "{port}", *says),
        cwd=str(folder),
        protocol=JsonProtocol(
            publish='{"type": "message", "id": "{id}", "body": "{body}", "room": "{room}"}',
            publish_room='{"type": "message", "id": "{id}", "body": "{body}", "room": "{room}"}',
            deliver=Match(match={"type": "message"}, id="id", body="body"),
            subscribe='{"type": "subscribe", "room": "{room}"}',
            **frames,
        ),
        policy=Policy(group="room", echo="always"),
    )


async def talk(hub: Target) -> tuple[bool, History]:
    """Does the control pair get ready within a few tries (the first may be too early), and what becomes of the plan?"""
    async with open_session(hub) as session:
        answers = [await session.control_answers() for _ in range(3)]
        return answers[-1], await session.execute(TALK)


@pytest.mark.parametrize(
    "says", [tuple(filter(None, some)) for some in product(("welcome", ""), ("subscribed", ""))], ids=" ".join
)
def test_the_control_pair_gets_ready_and_members_get_messages(tmp_path: Path, says: tuple[str, ...]) -> None:
    answers, history = trio.run(partial(talk, target(tmp_path, *says)))
    assert answers
    delivered = {(e.msg, e.conn) for e in history.events if isinstance(e, Dlv)}
    assert {("m0", "b"), ("m1", "a")} <= delivered
    joined = {e.group for e in history.events if isinstance(e, Joined)}
    told = {"welcome": {"user:u0", "user:canary"}, "subscribed": {"room:r0", "room:canary"}}
    assert joined == {group for name in says for group in told[name]}
    verdict = judge(history)
    assert not verdict.violations
    asked = {j.code: j.obligations for j in verdict.judgements}
    assert asked["HF101"] > 0
    assert asked["HF501"] == 2, "the canaries meet in a room, since nobody hears of them elsewhere"


AGAIN = Plan(
    (
        Batch((Open("a", "u0"), Open("b", "u0"))),
        Batch((Subscribe("a", "r0"), Send("a", "m0", room="r0")), after="fence"),
        Batch((Subscribe("a", "r0"),), after="fence"),
        Batch((Send("a", "m1", room="r0"),), after="fence"),
    )
)


@pytest.mark.parametrize(("how", "said"), [("counted", ["HF301"]), ("single", [])])
def test_a_hub_that_closes_who_asks_twice(tmp_path: Path, how: Literal["counted", "single"], said: list[str]) -> None:
    """As graphql-transport-ws wants it (4409: subscriber already exists)."""
    hub = target(tmp_path, "subscribed", "strict")
    hub = msgspec.structs.replace(hub, policy=Policy(group="room", subscriptions=how))

    async def meet() -> History:
        async with open_session(hub) as session:
            assert await session.control_answers()
            return await session.execute(AGAIN)

    history = trio.run(meet)
    assert sorted({finding.code for finding in judge(history).violations}) == said
    skipped = [(e.op, e.why) for e in history.events if isinstance(e, Skip)]
    early, again = ("send", "not answered yet"), ("subscribe", "in the room already")
    assert (skipped == [early, again]) is (how == "single")
    assert ("m1", "a") in {(e.msg, e.conn) for e in history.events if isinstance(e, Dlv)} or how == "counted"


SPEAKERS = Plan(
    (
        Batch((Open("a", "u0"), Open("b", "u0"))),
        Batch((Subscribe("a", "r0"),), after="fence"),
        Batch((Send("b", "m0", room="r0"),), after="fence"),
        Batch((Send("a", "m1", room="r0"),), wait=0.3),
        Batch((Send("b", "m2", room="r0"),), wait=0.3),
    )
)


@pytest.mark.parametrize(("joins", "said"), [(False, ["HF105"]), (True, [])])
def test_a_hub_where_who_speaks_is_in_the_room(tmp_path: Path, joins: bool, said: list[str]) -> None:
    hub = target(tmp_path, "subscribed", "speakers")
    hub = msgspec.structs.replace(hub, policy=Policy(group="room", publish_joins=joins))

    async def meet() -> History:
        async with open_session(hub) as session:
            assert await session.control_answers()
            return await session.execute(SPEAKERS)

    history = trio.run(meet)
    assert ("m1", "b") in {(e.msg, e.conn) for e in history.events if isinstance(e, Dlv)}
    assert sorted({finding.code for finding in judge(history).violations}) == said
