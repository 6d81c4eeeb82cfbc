"""Frames that a client has to answer by itself: pongs of the application, receipts (``protocol.answers``)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from target_files import changed, complaint, write

from fuzzer.driver.session import execute
from fuzzer.history import History, SrvClose
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Mute, Open, Plan, Send, Stall
from fuzzer.policy import Policy
from fuzzer.target import Codec, Message, Other
from fuzzer.target.codecs import JsonCodec
from fuzzer.target.config import Answer, ClassProtocol, JsonProtocol, Match
from fuzzer.target.model import Target

PONG = Answer({"type": "ping"}, '{"type": "pong"}')
RECEIPT = Answer({"type": "message"}, '{"type": "got", "id": "{id}"}', id="data.id")
CHAT = JsonProtocol(
    publish='{"type": "message", "id": "{id}", "body": "{body}"}',
    deliver=Match({"type": "message"}, id="id", body="body"),
    answers=(PONG,),
)


# ---- what is answered ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ('{"type": "ping", "n": 3}', '{"type": "pong"}'),
        ('{"type": "message", "data": {"id": "a\\"b"}}', '{"type": "got", "id": "a\\"b"}'),
        ('{"type": "message", "data": {"id": 7}}', '{"type": "got", "id": "7"}'),
        ('{"type": "else"}', None),
        ("no JSON", None),
        (b"\xff", None),
    ],
)
def test_the_first_that_fits_is_said(frame: str | bytes, said: str | None) -> None:
    codec = JsonCodec(JsonProtocol(CHAT.publish, CHAT.deliver, answers=(PONG, RECEIPT)))
    assert codec.answers
    assert codec.answer(frame) == said


class Silent(Codec):
    def publish(self, msg_id: str, body: str, room: str | None = None, user: str = "") -> str:
        return f"{msg_id} {body}"

    def read(self, frame: str | bytes) -> Message | Other:
        return Other("")


class EngineIo(Silent):
    """What Engine.IO 4 wants of a client."""

    def answer(self, frame: str | bytes) -> str | None:
        return "3" if frame == "2" else None


def test_a_class_says_so_by_having_the_method() -> None:
    assert (Silent().answers, EngineIo().answers, JsonCodec(CHAT).answers) == (False, True, True)
    assert not JsonCodec(JsonProtocol(CHAT.publish, CHAT.deliver)).answers
    assert EngineIo().answer("2") == "3"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("{match = {}, send = '{}'}", "protocol.answers[0].match: missing, so every frame would fit"),
        ('{match = {a = 1}, send = \'{"id": "{id}"}\'}', "protocol.answers[0].id: missing; {id} in send needs"),
        ("{match = {a = 1}, send = 'pong'}", "protocol.answers[0].send: found 'pong', which is not JSON"),
        ("{match = {a = 1}, send = '\"{room}\"'}", "protocol.answers[0].send: unknown placeholder {room}"),
    ],
)
def test_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, said: str) -> None:
    monkeypatch.setenv("HF_TEST_SECRET", "a secret for tests alone, of 32 bytes or more")
    assert complaint(write(tmp_path, changed("welcome =", f"answers = [{answer}]\nwelcome ="))).startswith(said)


# ---- by a real hub ---------------------------------------------------------------------------------------------------

HUB = """
import asyncio, json, sys
from websockets.asyncio.server import broadcast, serve

async def asks(tab, answered):
    while True:
        await tab.send('{"type": "ping"}')
        answered.clear()
        try:
            await asyncio.wait_for(answered.wait(), 0.3)
        except TimeoutError:
            await tab.close(4408, "no pong")
            return
        await asyncio.sleep(0.05)

async def handle(tab):
    tabs.add(tab)
    answered = asyncio.Event()
    asking = asyncio.create_task(asks(tab, answered))
    try:
        async for text in tab:
            if json.loads(text)["type"] == "pong":
                answered.set()
            else:
                broadcast(tabs, text)
    finally:
        tabs.discard(tab)
        asking.cancel()

async def main():
    async with serve(handle, "127.0.0.1", int(sys.argv[1]), ping_interval=None):
        await asyncio.Future()

tabs = set()
asyncio.run(main())
"""


def met(folder: Path, protocol: JsonProtocol | ClassProtocol, *faults: Stall | Mute) -> History:
    """What a hub does in a second that pings in messages of its own, and closes who says no pong."""
    (folder / "hub.py").write_text(HUB)
    hub = Target(
        name="asks",
        url="ws://127.0.0.1:{port}/",
        start=(sys.executable, "hub.py", "{port}"),
        cwd=str(folder),
        protocol=protocol,
        policy=Policy(group="all", t_heartbeat=2.0),
    )
    opened = Batch((Open("a", "u0"), Open("b", "u0"), Open("c", "u0")))
    burst = Batch((*faults, Send("a", "m0", count=5, wire="fragments"), Send("b", "m1", wire="drip")), after="instant")
    return execute(Plan((opened, burst, Batch((Send("b", "m2"),), wait=1.0))), hub)


def closed(history: History) -> set[str]:
    return {event.conn for event in history.events if isinstance(event, SrvClose) and event.code == 4408}


def test_whoever_reads_answers_also_between_fragments(tmp_path: Path) -> None:
    pytest.importorskip("websockets")
    history = met(tmp_path, CHAT)
    assert closed(history) == set()
    assert not judge(history).violations


@pytest.mark.parametrize("fault", [Stall("c"), Mute("c")])
def test_who_is_stalled_or_mute_does_not(tmp_path: Path, fault: Stall | Mute) -> None:
    pytest.importorskip("websockets")
    history = met(tmp_path, CHAT, fault)
    assert closed(history) <= {"c"}
    assert isinstance(fault, Stall) or closed(history) == {"c"}
    assert not judge(history).violations


def test_without_the_answers_everybody_is_closed(tmp_path: Path) -> None:
    pytest.importorskip("websockets")
    assert closed(met(tmp_path, JsonProtocol(CHAT.publish, CHAT.deliver))) == {"a", "b", "c"}
