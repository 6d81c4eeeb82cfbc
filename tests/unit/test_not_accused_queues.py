"""Correct hubs that still work through what stands before a message, or whose queues are full of something else."""

from __future__ import annotations

from typing import Literal

import pytest
from histories import H

from fuzzer.history import Control, Joined, PingInv, SubInv
from fuzzer.invariants import judge
from fuzzer.payload import ENVELOPE
from fuzzer.plan import Send
from fuzzer.policy import Policy

ROOMS = Policy(group="room", echo="never", backlog=None)
TWO = 2 * ENVELOPE


def convicted(written: H) -> list[str]:
    return [f"{finding.code} {finding.key}" for finding in judge(written.history()).violations]


# ---- a silence is none while the hub works through what stands before the message ------------------------------------


@pytest.mark.parametrize("asks", ["a", "c"], ids=["of-the-sender", "of-the-receiver"])
@pytest.mark.parametrize(("step", "more", "said"), [(1.0, 0.1, []), (0.0, 6.0, ["HF101 silence:user"])])
def test_a_message_waits_behind_questions(asks: str, step: float, more: float, said: list[str]) -> None:
    """Frames of one connection are handled in turn; and an actor for each has one mailbox, also for broadcasts."""
    written = H(Policy(t_presence=0.5)).join("a", "c")
    for _ in range(6):
        written.ask(asks)
    written.send("m", "a")
    for _ in range(6):
        written.controls(step).present(asks, "u0")
    assert convicted(written.controls(more).quiet(False)) == said


@pytest.mark.parametrize(("step", "more", "said"), [(0.1, 0.1, []), (0.0, 6.0, ["HF101 silence:room"])])
def test_a_message_waits_behind_requests_to_join(step: float, more: float, said: list[str]) -> None:
    written = H(Policy(group="room", backlog=None)).join("a", "c").sub("a", "c", room="x")
    for number in range(60):
        written.add(SubInv, conn="a", room=f"r{number}")
    written.send("m", "a", room="x")
    for number in range(60):
        written.controls(step, every=0.05).add(Joined, conn="a", group=f"room:r{number}")
    assert convicted(written.controls(more).quiet(False)) == said


@pytest.mark.parametrize("busy", ["c", "e"], ids=["one-mailbox-of-an-actor", "one-inbox-of-a-worker"])
@pytest.mark.parametrize(("step", "more", "said"), [(0.1, 0.1, []), (0.0, 6.0, ["HF101 silence:room"])])
def test_a_message_waits_behind_messages_to_another_room(busy: str, step: float, more: float, said: list[str]) -> None:
    """The room of the control pair is another worker's."""
    written = H(ROOMS).join("a", "c", "d", "e").sub("a", "c", room="x").sub("d", busy, room="y")
    for number in range(60):
        written.send(f"n.{number}", busy, room="y")
    written.send("m", "a", room="x")
    for number in range(60):
        written.controls(step, every=0.05).got(f"n.{number}", "d")
    assert convicted(written.controls(more).quiet(False)) == said


# ---- what else fills the queue of a reader ---------------------------------------------------------------------------


@pytest.mark.parametrize(("wire", "said"), [("fragments", []), ("frames", ["HF101 gap:user"])])
def test_answers_to_the_pings_between_fragments_wait_in_it(wire: str, said: list[str]) -> None:
    """Twelve messages in fragments: twelve pongs and twelve echoes in a queue of sixteen."""
    written = H(Policy(echo="always"), Send("a", "m", count=12, wire=wire)).join("a", "c")  # type: ignore[arg-type]
    for number in range(12):
        written.send(f"m.{number}", "a")
    for number in range(12):
        written.got(f"m.{number}", "c")
    for number in (*range(8), 11):
        written.got(f"m.{number}", "a")
    assert convicted(written) == said


@pytest.mark.parametrize(("pings", "said"), [(6, []), (0, ["HF101 gap:user"])])
def test_answers_to_the_pings_of_the_plan_wait_in_it(pings: int, said: list[str]) -> None:
    written = H(Policy()).join("a", "c")
    for _ in range(pings):
        written.add(PingInv, conn="c")
    for number in range(14):
        written.send(f"m.{number}", "a")
    for number in (*range(10), 13):
        written.got(f"m.{number}", "c")
    assert convicted(written) == said


@pytest.mark.parametrize(("burst", "said"), [(20, []), (0, ["HF101 gap:user"])])
def test_messages_of_others_pass_through_one_ring_for_all(burst: int, said: list[str]) -> None:
    """As in a broadcast channel of tokio with sixteen places."""
    written = H(Policy()).join("a", "c").join("x", "y", user="u1").send("m1", "a")
    for number in range(burst):
        written.send(f"n.{number}", "x")
    for number in range(burst):
        written.got(f"n.{number}", "y")
    assert convicted(written.got("m1", "a").send("m2", "a").got("m2", "a", "c")) == said


@pytest.mark.parametrize(("frames", "said"), [(20, []), (0, ["HF102 agreement:user"])])
def test_frames_that_are_no_messages_fill_it(frames: int, said: list[str]) -> None:
    """Twenty tell that somebody came; a's message does not fit; a and x leave, so that nothing follows."""
    written = H(Policy()).join("a", "x", "c").send("m", "a").got("m", "x").frame("c", "presence", frames)
    written.closed("a").closed("x").controls(6.0).quiet(False)
    assert convicted(written.phase("drain")) == said


@pytest.mark.parametrize(("given_up", "said"), [(True, []), (False, ["HF101 gap:all"])])
def test_a_message_of_the_control_pair_that_was_given_up_comes_later(given_up: bool, said: list[str]) -> None:
    written = H(Policy(group="all")).join("a", "c")
    since = written.now
    written.wait(1.0).add(Control, ok=not given_up, since=since)
    written.send("~0", "a").got("~0", "c")  # what is read was sent after the round trip was given up
    for number in range(16):
        written.send(f"m.{number}", "a")
    for number in (*range(14), 15):
        written.got(f"m.{number}", "c")
    assert convicted(written) == said


@pytest.mark.parametrize(("closes", "said"), [(True, []), (False, ["HF101 gap:user"])])
def test_what_is_sent_when_the_reader_has_begun_to_close_may_come_or_not(closes: bool, said: list[str]) -> None:
    """MAY 7 of SPEC 2.2."""
    written = H().join("a", "c")
    if closes:
        written.close_begun("c")
    assert convicted(written.send("m1", "a").send("m2", "a").got("m2", "c")) == said


@pytest.mark.parametrize(("others", "said"), [((), []), (("b",), ["HF105 history"])])
def test_copies_for_the_sender_do_not_show_that_a_broadcast_is_over(others: tuple[str, ...], said: list[str]) -> None:
    """a is answered at once; what the group gets goes through a queue, where c may come in before it."""
    written = H(Policy(replay="none")).join("a", *others).send("m", "a").got("m", "a", *others)
    written.send("m2", "a").got("m2", "a", *others)
    assert convicted(written.join("c").got("m", "c")) == said


# ---- what a hub sends twice takes two places -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("again", "said"), [((), []), (("b",), ["HF301 close 1013"])], ids=["still-waits", "read-as-well"]
)
def test_a_second_copy_waits_when_the_first_has_been_read(again: tuple[str, ...], said: list[str]) -> None:
    written = H(Policy(delivery="at-least-once", backlog=TWO)).join("a", "b").send("m0", "a").got("m0", "a", "b")
    assert convicted(written.got("m0", *again).send("m1", "a").ended("b", 1013)) == said


@pytest.mark.parametrize(("delivery", "said"), [("at-least-once", []), ("at-most-once", ["HF301 close 1013"])])
def test_copies_for_others_pass_through_a_queue_of_all(
    delivery: Literal["at-least-once", "at-most-once"], said: list[str]
) -> None:
    written = H(Policy(delivery=delivery, backlog=TWO)).join("a").join("c", user="u1")
    assert convicted(written.send("m0", "c").send("m1", "c").ended("a", 1013)) == said
