"""A hub that declares a backlog may close a reader, or leave messages out, when more is on its way; no other may."""

from __future__ import annotations

import pytest
from histories import H, says

from fuzzer.policy import Policy

SMALL = Policy(backlog=50_000)
LARGE = Policy(backlog=1_000_000)
NOTHING: set[str] = set()
CLOSED = {"HF301 violated"}
LOST = {"HF101 violated"}


def flooded(policy: Policy | None, size: int = 10_000) -> H:
    """Ten thousand characters, sixty thousand bytes at most, are on their way to a and b."""
    return H(policy).join("a", "b").send("m0", "a", size=size)


def test_whoever_has_not_read_that_much_may_be_closed() -> None:
    assert says(flooded(SMALL).ended("b", 1013)) == NOTHING


@pytest.mark.parametrize(
    "written",
    [
        flooded(None),
        flooded(LARGE),
        flooded(SMALL, size=1_000),
        H(SMALL).join("a", "b").send("m0", "a", size=7_000).got("m0", "a", "b").send("m1", "a", size=7_000),
        H(SMALL).join("a", "b").join("c", user="u1").send("m0", "c", size=10_000),
    ],
    ids=["none declared", "far below it", "below it", "read in between", "to somebody else"],
)
def test_whoever_has_read_may_not(written: H) -> None:
    assert says(written.ended("b", 1013)) == CLOSED


def test_it_stays_allowed_when_all_was_read_at_last() -> None:
    """When the hub decided is not known: what was read before the Close may have been waiting then."""
    assert says(flooded(SMALL).got("m0", "a", "b").ended("b", 1013)) == NOTHING


def test_messages_may_be_left_out_where_that_much_waits() -> None:
    assert says(flooded(SMALL).send("m1", "a").send("m2", "a").got("m0", "a", "b").got("m2", "a", "b")) == NOTHING


@pytest.mark.parametrize("policy", [None, LARGE, Policy(backlog=50_000, slow_consumer="lossless")])
def test_else_they_may_not(policy: Policy | None) -> None:
    written = flooded(policy).send("m1", "a").send("m2", "a").got("m0", "a", "b").got("m1", "a").got("m2", "a", "b")
    assert says(written) == LOST


def test_a_hole_before_it_is_a_loss() -> None:
    written = H(SMALL).join("a", "b").send("m0", "a").send("m1", "a").got("m0", "a").got("m1", "a", "b")
    assert says(written.send("m2", "a", size=10_000).got("m2", "a", "b")) == LOST
