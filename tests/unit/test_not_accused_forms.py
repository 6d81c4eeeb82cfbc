"""Frames of a form that nothing says how to read, heavy ones, and greetings that promise nothing."""

from __future__ import annotations

from typing import Literal

import pytest
from histories import H

from fuzzer.history import Dlv, Frame
from fuzzer.invariants import judge
from fuzzer.plan import Fill, Send, Wire
from fuzzer.policy import Policy

Body = Literal["exact", "plain", "any"]
LOST = ["HF101 violated"]


def said(written: H) -> list[str]:
    verdict = judge(written.history())
    return sorted({f"{f.code} {f.strength}" for f in (*verdict.violations, *verdict.inconclusive)})


# ---- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("holds", "verdict"), [(("m1",), ["HF101 inconclusive"]), ((), ["HF101 violated"])])
def test_a_frame_that_holds_the_id_may_be_the_message(holds: tuple[str, ...], verdict: list[str]) -> None:
    written = H(Policy(echo="never")).join("a", "b").send("m1", "a")
    written.add(Frame, conn="b", text="[...]", holds=holds)
    assert said(written.send("m2", "a").got("m2", "b")) == verdict


def test_a_frame_with_the_id_on_another_connection_explains_nothing() -> None:
    written = H(Policy(echo="never")).join("a", "b", "c").send("m1", "a").got("m1", "c")
    written.add(Frame, conn="c", text="[...]", holds=("m1",))
    assert said(written.send("m2", "a").got("m2", "b", "c")) == ["HF101 violated"]


def test_what_came_twice_in_two_forms_came() -> None:
    written = H(Policy(echo="never")).join("a", "b").send("m1", "a").add(Frame, conn="b", text="[...]", holds=("m1",))
    assert said(written.got("m1", "b")) == []


@pytest.mark.parametrize(("readable", "verdict"), [(False, "inconclusive"), (True, "violated")])
def test_a_canary_that_is_served_in_another_form(readable: bool, verdict: str) -> None:
    names = ("canary.0", "canary.1")
    written = H().join("a").closed("a").phase("canary").join(*names, user="canary", role="canary")
    written.send("~0@~0", "canary.0").send("~1@~0", "canary.1")
    for conn, msg in zip(names, ("~1@~0", "~0@~0"), strict=True):
        written.add(Frame, conn=conn, text="[...]", holds=() if readable else (msg,))
    found = judge(written.controls(60).quiet(complete=False).history())
    assert [f.strength for f in (*found.violations, *found.inconclusive) if f.code == "HF501"] == [verdict]


@pytest.mark.parametrize(("size", "verdict"), [(0, ["HF101 violated"]), (4_000, [])])
def test_a_notice_with_a_picture_fills_a_queue(size: int, verdict: list[str]) -> None:
    """An outbox of 16 KiB that is honestly declared; what is in the frames besides bodies is for the hub to say."""
    written = H(Policy(echo="never")).join("a", "b").send("m0", "a")
    for n in range(1, 8):
        written.send(f"m{n}", "a")
    written.got("m0", "b")
    for _ in range(4):
        written.add(Frame, conn="b", text="typing", known=True, size=size)
    for n in range(2, 8):
        written.got(f"m{n}", "b")
    assert said(written) == verdict


@pytest.mark.parametrize(("size", "verdict"), [(0, ["HF101 violated"]), (4_000, [])])
def test_so_do_messages_with_pictures(size: int, verdict: list[str]) -> None:
    written = H(Policy(echo="never")).join("a", "b")
    for n in range(8):
        written.send(f"m{n}", "a")
    for n in (0, *range(2, 8)):
        written.add(Dlv, msg=f"m{n}", conn="b", size=size)
    assert said(written) == verdict


# ---- greetings -------------------------------------------------------------------------------------------------------


def greeted(evidence: str) -> H:
    """A hub says hello, and puts the connection on its list some milliseconds later."""
    written = H(Policy(echo="always", join_evidence=evidence)).open("a", "b").ok("a", "b").welcome("a", "b")  # type: ignore[arg-type]
    written.welcomes_count = False
    written.send("m1", "a").got("m1", "a").send("m2", "a").got("m2", "a", "b")
    return written


@pytest.mark.parametrize(("evidence", "verdict"), [("broadcast", []), ("welcome", ["HF101 violated"])])
def test_a_greeting_makes_a_member_only_where_the_policy_says_so(evidence: str, verdict: list[str]) -> None:
    assert said(greeted(evidence)) == verdict


@pytest.mark.parametrize(("evidence", "verdict"), [("broadcast", []), ("welcome", ["HF601 violated"])])
def test_nor_does_a_greeting_let_a_bad_token_in(evidence: str, verdict: list[str]) -> None:
    written = H(Policy(join_evidence=evidence)).open("a", token="expired").ok("a").welcome("a")  # type: ignore[arg-type]
    written.welcomes_count = False
    assert said(written.ended("a", 4001)) == verdict


@pytest.mark.parametrize(("evidence", "verdict"), [("welcome", []), ("handshake", ["HF101 violated"])])
def test_of_two_processes_the_own_one_serves_first(evidence: str, verdict: list[str]) -> None:
    """b reads its own echo at once; that the broker knows it, so that others' messages come, its welcome says."""
    written = H(Policy(echo="always", join_evidence=evidence)).open("a").ok("a").welcome("a")  # type: ignore[arg-type]
    written.send("w", "a").got("w", "a").open("b").ok("b").send("mine", "b").got("mine", "b")
    written.send("m1", "a").got("m1", "a").welcome("b")
    assert said(written.send("m2", "a").got("m2", "a", "b").got("mine", "a")) == verdict


# ---- bodies that a hub refuses, with an error, since they are no plain text ------------------------------------------


def odd(policy: Policy, fill: Fill, *others: Send) -> H:
    """b never gets m1, but what was sent after it."""
    sends = (Send(conn="a", msg="m1", size=9, fill=fill), *others)
    written = H(policy, *sends).join("a", "b").send("m1", "a", size=9).frame("a", "not allowed")
    for other in others:
        written.send(other.msg, other.conn, size=other.size).got(other.msg, "a", "b")
    return written.send("m2", "a").got("m2", "a", "b")


@pytest.mark.parametrize("body", ["exact", "any"])
@pytest.mark.parametrize("fill", ["ascii", "unicode", "escapes", "markup"])
def test_a_hub_that_takes_plain_text_alone(fill: Fill, body: Body) -> None:
    assert said(odd(Policy(body=body), fill)) == LOST
    assert said(odd(Policy(body="plain"), fill)) == (LOST if fill == "ascii" else [])


@pytest.mark.parametrize(("fill", "verdict"), [("escapes", []), ("ascii", ["HF301 violated"])])
def test_who_sends_what_is_no_plain_text_may_be_closed(fill: Fill, verdict: list[str]) -> None:
    written = H(Policy(body="plain"), Send(conn="a", msg="m1", size=9, fill=fill)).join("a", "b")
    assert said(written.send("m1", "a", size=9).ended("a", 1007)) == verdict


@pytest.mark.parametrize(("body", "verdict"), [("plain", ["HF104 violated"]), ("any", [])])
def test_plain_text_comes_as_it_was_sent(body: Body, verdict: list[str]) -> None:
    written = H(Policy(body=body), Send(conn="a", msg="m1", size=9)).join("a", "b")
    assert said(written.send("m1", "a", size=9).got("m1", "a", "b", intact=False)) == verdict


@pytest.mark.parametrize(
    ("fill", "others", "named"),
    [
        ("escapes", (), True),
        ("markup", (), True),
        ("ascii", (), False),
        ("escapes", (Send("a", "x", size=5, fill="markup"),), True),
        ("escapes", (Send("a", "x", size=5, fill="escapes"),), False),
        ("escapes", (Send("a", "x", size=0, fill="escapes"),), True),
        ("unicode", (Send("a", "x", size=1, fill="unicode"),), True),
    ],
    ids=["escapes", "markup", "plain", "another-came", "the-same-came", "an-empty-one-came", "a-plain-part-came"],
)
def test_the_dial_is_named_where_no_body_of_that_kind_ever_came(fill: Fill, others: tuple[Send], named: bool) -> None:
    dials = [finding.dial for finding in judge(odd(Policy(), fill, *others).history()).violations]
    assert ['policy.body = "plain"' in dial for dial in dials] == [named]


# ---- messages in several frames: nchan takes the first for the whole, and closes -------------------------------------


@pytest.mark.parametrize(("taken", "verdict"), [(False, []), (True, ["HF104 violated", "HF301 violated"])])
def test_a_hub_that_takes_no_fragments(taken: bool, verdict: list[str]) -> None:
    written = H(Policy(fragments=taken), Send(conn="a", msg="m1", wire="fragments")).join("a", "b")
    written.send("m1", "a").got("m1", "b", intact=False).ended("a", 1005)
    assert said(written) == verdict


@pytest.mark.parametrize(
    ("taken", "wire", "verdict"), [(False, "fragments", []), (False, "frames", LOST), (True, "fragments", LOST)]
)
def test_a_hub_that_drops_fragments(taken: bool, wire: Wire, verdict: list[str]) -> None:
    written = H(Policy(fragments=taken), Send(conn="a", msg="m1", wire=wire)).join("a", "b")
    written.send("m1", "a").send("m2", "a").got("m2", "a", "b")
    assert said(written) == verdict
    dials = [finding.dial for finding in judge(written.history()).violations]
    assert all(("policy.fragments" in dial) is (wire == "fragments") for dial in dials)
