"""HF303: many frames at once that no hub need be blamed for, and those that it must."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.history import Control, Joined, Lag, ServerPaused, ServerResumed, SubInv
from fuzzer.invariants import judge
from fuzzer.policy import Policy

STORM = ["HF303 storm"]
ALL = Policy(group="all", backlog=None)


def convicted(written: H) -> list[str]:
    return [f"{f.code} {f.key}" for f in judge(written.history()).violations]


def ticked(policy: Policy | None = None) -> H:
    """Twenty frames a second, half of what is allowed, for three seconds."""
    written = H(policy).join("a", "b")
    for _ in range(60):
        written.frame("a", "tick").wait(0.049)
    return written


def at_once(written: H) -> H:
    return written.controls(1.0).frame("a", "tick", 300)


def after_our_lag(written: H) -> H:
    return written.lag(15).frame("a", "tick", 300)


def around_our_lag(written: H) -> H:
    return written.wait(15).frame("a", "tick", 1).add(Lag, seconds=15).frame("a", "tick", 299)


def after_a_standstill(written: H) -> H:
    return written.add(ServerPaused).wait(3).add(ServerResumed).frame("a", "tick", 300)


@pytest.mark.parametrize(
    ("come", "said"), [(at_once, STORM), (after_our_lag, []), (around_our_lag, []), (after_a_standstill, [])]
)
def test_what_gathered_while_nobody_read_it(come, said: list[str]) -> None:  # type: ignore[no-untyped-def]
    """The lateness is written down before what has gathered is read, or in between."""
    assert convicted(come(ticked())) == said


@pytest.mark.parametrize(("since", "said"), [(0.0, []), (1.0, STORM)])
def test_a_game_that_ticks_from_when_the_second_has_come(since: float, said: list[str]) -> None:
    written = H().join("a").wait(1.0).join("b").wait(since)
    for _ in range(240):
        written.frame("a", "tick").wait(1 / 60 - 0.001)
    assert convicted(written) == said


@pytest.mark.parametrize(("number", "said"), [(300, []), (500, STORM)])
@pytest.mark.parametrize("room", [True, False])
def test_history_that_is_told_in_a_form_of_its_own(room: bool, number: int, said: list[str]) -> None:
    """To who asks for a room, and to who comes where all are one group."""
    written = H(Policy(group="room")).join("a") if room else H(ALL).open("a").ok("a")
    written = written.add(SubInv, conn="a", room="r0") if room else written
    written.controls(1.0).frame("a", "history", number)
    assert convicted(written.add(Joined, conn="a", group="room:r0" if room else "all")) == said


@pytest.mark.parametrize(("number", "said"), [(1200, []), (1400, STORM)])
def test_receipts_come_from_the_control_pair_too_where_all_are_one_group(number: int, said: list[str]) -> None:
    written = H(ALL).join("a")
    for i in range(300):
        written.send(f"m{i}", "a").got(f"m{i}", "a")
    assert convicted(written.frame("a", "delivered", number)) == said


@pytest.mark.parametrize(("each", "said"), [(5, []), (12, STORM)])
def test_receipts_of_the_messages_of_the_control_pair(each: int, said: list[str]) -> None:
    written = H(ALL).join("a", "b", "c", "d").wait(1.0)
    for _ in range(100):
        written.add(Control, ok=True, since=written.now).frame("a", "seen by x", each).wait(0.02)
    assert convicted(written) == said


@pytest.mark.parametrize(("seconds", "said"), [(1.0, []), (20.0, STORM)])
def test_what_was_handled_long_ago_is_told_no_more(seconds: float, said: list[str]) -> None:
    written = H(Policy(backlog=None)).join("a", "b", "c")
    for i in range(300):
        written.send(f"m{i}", "a").got(f"m{i}", "a", "b", "c")
    assert convicted(written.controls(seconds).drop("b").frame("c", "b is gone", 800)) == said


@pytest.mark.parametrize(("seconds", "said"), [(1.0, []), (20.0, STORM)])
def test_what_was_asked_long_ago_is_answered_no_more(seconds: float, said: list[str]) -> None:
    written = H(Policy(group="room")).join("a", "b", "c")
    for number in range(6):
        written.sub("c", room=f"r{number}")
    assert convicted(written.controls(seconds).drop("b").frame("c", "b is gone", 700)) == said


@pytest.mark.parametrize(("seen", "said"), [(True, STORM), (False, [])])
def test_what_nobody_got_may_be_handled_late(seen: bool, said: list[str]) -> None:
    """A hub that takes its time for each message may say so of each, in its turn."""
    written = H(Policy(backlog=None, echo="never")).join("a").join("c", user="u1").join("d")
    for i in range(300):
        written.send(f"m{i}", "a")
        written = written.got(f"m{i}", "d") if seen else written
    assert convicted(written.controls(20.0).frame("a", "handled", 300)) == said
