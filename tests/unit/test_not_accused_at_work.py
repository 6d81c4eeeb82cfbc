"""A hub that is still at work on what came before, or that hears of a connection by what it cannot read."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.driver.requests import may_stand_behind
from fuzzer.invariants import judge
from fuzzer.policy import CloseCodes, Policy


def convicted(written: H) -> list[str]:
    return [f"{f.code} {f.key}" for f in judge(written.history()).violations]


# ---- HF403, HF405, HF503: malformed text is heard, and may be counted ------------------------------------------------


@pytest.mark.parametrize(("kind", "said"), [("malformed:not-json", []), ("stall", ["HF403 delivered"])])
def test_a_mute_one_that_sends_what_no_hub_understands_was_heard(kind: str, said: list[str]) -> None:
    written = H(Policy(t_heartbeat=1.0)).join("a", "b").controls(0.2).fault("a", "mute").controls(0.8)
    written = written.fault("a", kind) if kind != "stall" else written
    found = convicted(written.controls(0.5).send("m1", "b").got("m1", "a"))
    assert [f.split()[0] for f in found] == [f.split()[0] for f in said]


@pytest.mark.parametrize(("rate", "said"), [(5, []), (6, ["HF503 malformed"])])
def test_malformed_text_counts_as_a_message(rate: int, said: list[str]) -> None:
    written = H(Policy(rate=rate, close_codes=CloseCodes(malformed=(1002, 1007)))).join("a", "b")
    for i in range(4):
        written.send(f"m{i}", "a").got(f"m{i}", "b")
    assert convicted(written.fault("a", "malformed:not-a-command").ended("a", 1008)) == said


# ---- HF101, HF302: behind what nobody is seen to get -----------------------------------------------------------------


def behind(hidden: int, room: str = "r1", seconds: float = 5.5) -> H:
    """One handler for each connection; ``a`` is alone in ``r1`` and hears no echo."""
    policy = Policy(group="room", echo="never", backlog=None)
    written = H(policy).join("a", "b").sub("a", "b").sub("a", room="r1")
    for i in range(hidden):
        written.send(f"m{i}", "a", room=room)
    return written.send("last", "a", room="r0").controls(seconds).quiet(complete=False)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (behind(0), ["HF101 silence:room"]),
        (behind(100), []),
        (behind(100, seconds=10.5), ["HF101 silence:room"]),
        (behind(2, room="r0"), ["HF101 silence:room"]),  # these should have been seen
    ],
    ids=["alone", "behind", "behind-long", "own-room"],
)
def test_a_message_behind_others_that_nobody_can_see(written: H, said: list[str]) -> None:
    assert sorted(set(convicted(written))) == said


def test_the_driver_waits_as_long_as_the_judge() -> None:
    assert may_stand_behind(behind(1).events, {"last"})
    assert not may_stand_behind(behind(0).events, {"last"})
    assert not may_stand_behind(behind(1, room="r0").events, {"last"})
    assert not may_stand_behind(behind(1).got("m0", "b").events, {"last"})


# ---- HF504: a Close in one inbox with what others had sent -----------------------------------------------------------


@pytest.mark.parametrize(("before", "said"), [(True, []), (False, ["HF504 silent"])])
def test_a_close_behind_what_others_had_sent(before: bool, said: list[str]) -> None:
    written = H(Policy(echo="never", backlog=None)).join("a", "b").join("c", "d", user="u1")
    if not before:
        written.close_begun("a")
    for i in range(100):
        written.send(f"m{i}", "c")
    if before:
        written.close_begun("a")
    for i in range(100):
        written.controls(0.06, every=0.03).got(f"m{i}", "d")
    assert convicted(written.unanswered("a")) == said


# ---- HF602: nobody read on to its own name ---------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "said"), [(20.0, []), (0.0, ["HF602 wrong"])])
def test_another_ones_name_came_first_and_then_the_machine_slept(late: float, said: list[str]) -> None:
    written = H(Policy()).open("a").ok("a").join("b", user="u1").named("b", "u1").named("a", "u1")
    written = written.lag(late) if late else written.controls(6.0)
    found = convicted(written.quiet(complete=False).phase("drain").closed("a", "b"))
    assert [f.split()[0] for f in found] == [f.split()[0] for f in said]
