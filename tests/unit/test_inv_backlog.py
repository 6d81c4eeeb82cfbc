"""A hub may close a reader, or leave messages out, when more waits for it than surely fits; no other may."""

from __future__ import annotations

from typing import Any

import pytest
from histories import H, says

from fuzzer.policy import Policy

SMALL = Policy(backlog=50_000)
LARGE = Policy(backlog=1_000_000)
UNBOUNDED = Policy(backlog=None)
NOTHING: set[str] = set()
CLOSED = {"HF301 violated"}
LOST = {"HF101 violated"}
FITS = 16  # small messages in the queue that every hub has


def flooded(policy: Policy | None, size: int = 10_000) -> H:
    """Ten thousand characters, a hundred and twenty thousand bytes at most, are on their way to a and b."""
    return H(policy).join("a", "b").send("m0", "a", size=size)


def burst(policy: Policy | None, count: int) -> H:
    """So many small messages at once, which a has read, but not yet b."""
    written = H(policy).join("a", "b")
    for number in range(count):
        written.send(f"m{number}", "a")
    for number in range(count):
        written.got(f"m{number}", "a")
    return written


# ---- closes --------------------------------------------------------------------------------------------------------


def test_whoever_has_not_read_that_much_may_be_closed() -> None:
    assert says(flooded(SMALL).ended("b", 1013)) == NOTHING


@pytest.mark.parametrize(
    "written",
    [
        flooded(UNBOUNDED),
        flooded(LARGE),
        flooded(SMALL, size=1_000),
        H(SMALL).join("a", "b").send("m0", "a", size=3_500).got("m0", "a", "b").send("m1", "a", size=3_500),
        H(SMALL).join("a", "b").join("c", user="u1").send("m0", "c", size=10_000),
    ],
    ids=["unbounded", "far below it", "below it", "read in between", "to somebody else"],
)
def test_whoever_has_read_may_not(written: H) -> None:
    assert says(written.ended("b", 1013)) == CLOSED


def test_it_stays_allowed_when_all_was_read_at_last() -> None:
    """When the hub decided is not known: what was read before the Close may have been waiting then."""
    assert says(flooded(SMALL).got("m0", "a", "b").ended("b", 1013)) == NOTHING


@pytest.mark.parametrize(("count", "said"), [(FITS, CLOSED), (FITS + 1, NOTHING)])
def test_a_hub_that_declares_nothing_may_have_a_queue_of_a_few_messages(count: int, said: set[str]) -> None:
    assert says(burst(None, count).ended("b", 1013)) == said


# ---- losses --------------------------------------------------------------------------------------------------------


def test_messages_may_be_left_out_where_that_much_waits() -> None:
    assert says(flooded(SMALL).send("m1", "a").send("m2", "a").got("m0", "a", "b").got("m2", "a", "b")) == NOTHING


@pytest.mark.parametrize("policy", [UNBOUNDED, LARGE, Policy(backlog=50_000, slow_consumer="lossless")])
def test_else_they_may_not(policy: Policy | None) -> None:
    written = flooded(policy).send("m1", "a").send("m2", "a").got("m0", "a", "b").got("m1", "a").got("m2", "a", "b")
    assert says(written) == LOST


def test_a_hole_before_it_is_a_loss() -> None:
    written = H(SMALL).join("a", "b").send("m0", "a").send("m1", "a").got("m0", "a").got("m1", "a", "b")
    assert says(written.send("m2", "a", size=10_000).got("m2", "a", "b")) == LOST


def test_a_hole_after_it_is_a_loss() -> None:
    written = flooded(SMALL).got("m0", "a", "b").send("m1", "a").send("m2", "a").got("m1", "a").got("m2", "a", "b")
    assert says(written) == LOST


def test_by_default_a_hole_in_a_burst_is_none_and_one_behind_it_is() -> None:
    written = burst(None, 20)
    for number in (0, 1, 2, 19):
        written.got(f"m{number}", "b")
    assert says(written) == NOTHING
    written.send("~a", "a").got("~a", "a", "b")
    assert says(written.send("n0", "a").send("n1", "a").got("n0", "a").got("n1", "a", "b")) == LOST


def test_what_was_left_out_waits_until_something_newer_has_come() -> None:
    """m3 to m18 may still wait for b: m19 was sent before anybody had read anything."""
    written = burst(None, 20)
    for number in (0, 1, 2, 19):
        written.got(f"m{number}", "b")
    assert says(written.send("n0", "a").send("n1", "a").got("n0", "a").got("n1", "a", "b")) == NOTHING


@pytest.mark.parametrize("order", ["fifo", "none"])
def test_echoes_that_never_come_do_not_wait(order: Any) -> None:
    """a sends one after the other, each read by b; that a itself gets no copy may be how this hub is."""
    written = H(Policy(order=order)).join("a", "b")
    for number in range(FITS + 4):
        written.send(f"m{number}", "a").got(f"m{number}", "b").send(f"n{number}", "b").got(f"n{number}", "a")
    assert says(written.ended("a", 1013)) == (CLOSED if order == "fifo" else NOTHING)


# ---- silences ------------------------------------------------------------------------------------------------------


def silent(written: H, *fences: str) -> H:
    """The fences are not read, and the deadline passes while others are served."""
    for number, fence in enumerate(fences):
        written.send(fence, "a" if number % 2 else "b")
    return written.controls(6).quiet(complete=False)


def test_who_gets_nothing_at_all_any_more_is_owed_it_however_much_waits() -> None:
    assert says(silent(burst(None, 20), "~0", "~1")) == LOST


def test_who_gets_some_of_it_may_have_no_room_for_the_rest() -> None:
    written = burst(None, 20)
    assert says(written.send("~a", "a").controls(1).got("m17", "b").controls(6).quiet(complete=False)) == NOTHING


def test_what_never_fits_proves_nothing() -> None:
    assert says(silent(flooded(Policy(backlog=1), size=0))) == NOTHING


def test_a_hub_that_waits_for_the_deaf_one_is_told_however_much_waits() -> None:
    written = H().join("a", "b", "c").fault("c", "stall").send("m0", "a", size=60_000).send("m1", "a")
    assert says(silent(written, "~0", "~1")) == {"HF302 violated"}
