"""Correct hubs that refuse a message and say so to its sender (``protocol.not_published``)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from histories import H, says

from fuzzer.driver.session import execute
from fuzzer.history import Frame, SendRej
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Open, Plan, Send
from fuzzer.policy import Policy
from fuzzer.target import NotPublished
from fuzzer.target.codecs import JsonCodec, TextCodec
from fuzzer.target.config import JsonProtocol, Match, Pattern, TextProtocol
from fuzzer.target.model import Target

NOTHING: set[str] = set()
LOST = {"HF101 violated"}


def lost(refused: str | None = None) -> H:
    """Only the second message reached anybody; the first may have been refused."""
    written = H().join("a", "b").send("m0", "a")
    if refused is not None:
        written.add(SendRej, conn="a", msg=refused)
    return written.send("m1", "a").got("m1", "a", "b")


# ---- by history ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refused", "said"),
    [(None, LOST), ("m0", NOTHING), ("", NOTHING), ("m1", LOST)],
    ids=["not", "by-name", "namelessly", "another"],
)
def test_what_was_refused_is_owed_to_nobody(refused: str | None, said: set[str]) -> None:
    assert says(lost(refused)) == said


def test_an_answer_without_a_name_is_about_what_nobody_got_and_what_was_sent_before_it() -> None:
    some = H().join("a", "b", "c").send("m0", "a").got("m0", "a", "b").add(SendRej, conn="a", msg="")
    assert says(some.send("m1", "a").got("m1", "a", "b", "c")) == LOST
    early = H().join("a", "b").add(SendRej, conn="a", msg="").send("m0", "a").send("m1", "a")
    assert says(early.got("m1", "a", "b")) == LOST
    of_another = H().join("a", "b").send("m0", "a").add(SendRej, conn="b", msg="")
    assert says(of_another.send("m1", "a").got("m1", "a", "b")) == LOST


@pytest.mark.parametrize(("refused", "said"), [(False, {"HF501 violated"}), (True, {"HF501 inconclusive"})])
def test_a_canary_whose_messages_are_refused_proves_nothing(refused: bool, said: set[str]) -> None:
    """They may be too many of all users together; but nothing has shown that the hub serves anybody."""
    written = H().join("a").phase("canary").join("x", "y", user="canary", role="canary").send("~0", "x")
    if refused:
        written.add(SendRej, conn="x", msg="~0")
    assert says(written.controls(6).quiet(complete=False)) - LOST == said


def test_the_dial_is_named_where_the_hub_said_something() -> None:
    written = H().join("a", "b").send("m0", "a").add(Frame, conn="a", text='{"error": "too fast"}')
    found = judge(written.send("m1", "a").got("m1", "a", "b").history()).violations[0]
    assert found.dial.startswith("protocol.not_published")
    assert "not_published" not in judge(lost().history()).violations[0].dial


# ---- as it is read ---------------------------------------------------------------------------------------------------

CHAT = JsonProtocol(
    publish='{"type": "message", "id": "{id}", "body": "{body}"}',
    deliver=Match({"type": "message"}, id="id", body="body"),
    not_published=Match({"type": "error"}, id="ref"),
)


@pytest.mark.parametrize(
    ("frame", "read"),
    [
        ('{"type": "error", "ref": "hf-1"}', NotPublished("hf-1")),
        ('{"type": "error", "ref": 7}', NotPublished("7")),
        ('{"type": "error", "code": "too_fast"}', NotPublished(None)),
    ],
)
def test_json(frame: str, read: NotPublished) -> None:
    assert JsonCodec(CHAT).read(frame) == read


def test_text() -> None:
    refused = Pattern(r"not sent(: (?P<id>\S+))?")
    codec = TextCodec(TextProtocol("{id} {body}", Pattern(r"(?P<id>\S+) (?P<body>.*)"), not_published=refused))
    assert (codec.read("not sent: hf-1"), codec.read("not sent")) == (NotPublished("hf-1"), NotPublished(None))


# ---- by a real hub ---------------------------------------------------------------------------------------------------

HUB = """
import asyncio, json, sys
from websockets.asyncio.server import broadcast, serve

async def handle(tab):
    tabs.add(tab)
    try:
        async for text in tab:
            said = json.loads(text)
            if "!" in said["body"]:
                await tab.send(json.dumps({"type": "error", **({"ref": said["id"]} if sys.argv[2] == "names" else {})}))
            else:
                broadcast(tabs, text)
    finally:
        tabs.discard(tab)

async def main():
    async with serve(handle, "127.0.0.1", int(sys.argv[1])):
        await asyncio.Future()

tabs = set()
asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["names", "names-none"])
def test_a_hub_that_takes_no_exclamation_marks(tmp_path: Path, how: str) -> None:
    pytest.importorskip("websockets")
    (tmp_path / "hub.py").write_text(HUB)
    hub = Target(
        name="calm",
        url="ws://127.0.0.1:{port}/",
        start=(sys.executable, "hub.py", "{port}", how),
        cwd=str(tmp_path),
        protocol=CHAT,
        policy=Policy(group="all"),
    )
    shouted = Batch((Send("a", "m0", size=40, fill="markup"), Send("b", "m1")), after="instant")
    plan = Plan((Batch((Open("a", "u0"), Open("b", "u0"))), shouted, Batch((Send("a", "m2"),))))
    history = execute(plan, hub)
    refused = [event.msg for event in history.events if isinstance(event, SendRej)]
    assert refused == ["m0" if how == "names" else ""]
    assert not judge(history).violations
