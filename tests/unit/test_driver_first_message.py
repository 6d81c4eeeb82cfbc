"""Where the token is the first message, it is the first, however close upon the opening other messages follow.

And where a good one is answered, nothing follows before the answer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fuzzer.driver.session import execute
from fuzzer.history import Dlv, SrvClose
from fuzzer.plan import Batch, Close, Open, Plan, Send
from fuzzer.target.config import JsonProtocol, JwtAuth, Match
from fuzzer.target.model import Target

pytest.importorskip("websockets")

STRICT_HUB = """
import asyncio, json, sys
from websockets.asyncio.server import broadcast, serve

async def handle(tab):
    if json.loads(await tab.recv()).get("type") != "login":
        await tab.close(4401, "the first message must be a login")
        return
    if sys.argv[2] == "answers":
        try:
            await asyncio.wait_for(tab.recv(), 0.05)
            return await tab.close(4401, "not a word before the answer")
        except TimeoutError:
            await tab.send('{"type": "login_ok"}')
    tabs.add(tab)
    try:
        async for text in tab:
            broadcast(tabs, text)
    finally:
        tabs.discard(tab)

async def main():
    async with serve(handle, "127.0.0.1", int(sys.argv[1])):
        await asyncio.Future()

tabs = set()
asyncio.run(main())
"""


def target(folder: Path, accepted: Match | None) -> Target:
    """A hub that closes whoever says anything before its login, or before the answer to it."""
    (folder / "hub.py").write_text(STRICT_HUB)
    return Target(
        name="strict",
        url="ws://127.0.0.1:{port}/",
        start=(sys.executable, "hub.py", "{port}", "answers" if accepted else "goes on"),
        cwd=str(folder),
        auth=JwtAuth(
            secret="a secret for tests alone, of 32 bytes or more",
            place="message",
            message='{"type": "login", "user": "{user}", "token": "{token}"}',
            accepted=accepted,
        ),
        protocol=JsonProtocol(
            publish='{"type": "message", "id": "{id}", "body": "{body}"}',
            deliver=Match(match={"type": "message"}, id="id", body="body"),
        ),
    )


@pytest.mark.parametrize("accepted", [None, Match({"type": "login_ok"})], ids=["goes-on", "answers"])
def test_nothing_overtakes_the_login(tmp_path: Path, accepted: Match | None) -> None:
    opens = tuple(Open(conn, "u0") for conn in "abcdef")
    sends = tuple(Send(conn, f"m{conn}") for conn in "abcdef")
    plan = Plan((Batch(opens), Batch(sends, after="instant"), Batch((Close("a"),), after="instant")))
    history = execute(plan, target(tmp_path, accepted))
    closed = [(e.conn, e.code) for e in history.events if isinstance(e, SrvClose) and e.code == 4401]
    assert closed == []
    assert {e.conn for e in history.events if isinstance(e, Dlv)} >= set("bcdef")
