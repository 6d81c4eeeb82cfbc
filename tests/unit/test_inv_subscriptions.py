"""Where each subscription takes a copy (``policy.subscriptions = "each"``): as many as were open, and no more."""

from __future__ import annotations

from typing import Literal

import pytest
from histories import H, obligations, says

from fuzzer.invariants import judge
from fuzzer.policy import Policy

NOTHING: set[str] = set()
EACH = Policy(subscriptions="each")


def subscribed(times: int, policy: Policy | None = EACH) -> H:
    """a and b are in r0; b has asked for it so often."""
    written = H(policy).join("a", "b").sub("a")
    for _ in range(times):
        written.sub("b")
    return written


@pytest.mark.parametrize("times", [1, 2, 3])
def test_each_subscription_may_take_a_copy_and_no_more(times: int) -> None:
    written = subscribed(times).send("m", "a", "r0").got("m", *["b"] * times)
    assert says(written) == NOTHING
    assert obligations(written, "HF103") == 1
    assert says(written.got("m", "b")) == {"HF103 violated"}


@pytest.mark.parametrize("subscriptions", ["counted", "once"])
def test_the_dial_is_named_where_there_was_a_subscription_for_each_copy(
    subscriptions: Literal["counted", "once"],
) -> None:
    policy = Policy(subscriptions=subscriptions)
    two = judge(subscribed(2, policy).send("m", "a", "r0").got("m", "b", "b").history()).violations
    assert [finding.dial for finding in two] == ['policy.subscriptions = "each", policy.delivery = "at-least-once"']
    one = judge(subscribed(1, policy).send("m", "a", "r0").got("m", "b", "b").history()).violations
    assert [finding.dial for finding in one] == ['policy.delivery = "at-least-once"']


def test_how_often_it_came_and_how_often_it_may_is_said() -> None:
    [found] = judge(subscribed(2).send("m", "a", "r0").got("m", "b", "b", "b").history()).violations
    assert (found.summary, found.expected) == ("b got m 3 times", "m 2 times at most on b")


@pytest.mark.parametrize(
    ("written", "copies"),
    [
        (subscribed(2).unsub("b").send("m", "a", "r0"), 1),
        (subscribed(3).unsub("b").send("m", "a", "r0"), 2),
        (subscribed(2).unsub("b").sub("b").send("m", "a", "r0"), 2),
        (subscribed(2).unsub("b", answered=False).send("m", "a", "r0"), 2),
        (subscribed(2).send("m", "a", "r0").unsub("b"), 2),
        (subscribed(1).sub("b", room="r1").send("m", "a", "r0"), 1),
        (subscribed(0).unsub("b").sub("b").sub("b").send("m", "a", "r0"), 2),
        (subscribed(2).send("m", "a"), 1),
    ],
    ids=["left-one", "left-one-of-three", "came-back", "unconfirmed", "left-later", "another-room", "left-none", "own"],
)
def test_a_confirmed_leaving_takes_one_of_them(written: H, copies: int) -> None:
    assert says(written.got("m", *["b"] * copies)) == NOTHING
    assert says(written.got("m", "b")) == {"HF103 violated"}


@pytest.mark.parametrize(("answered", "said"), [(False, NOTHING), (True, {"HF103 violated"})])
def test_where_requests_overtake_each_other_a_leaving_may_have_found_nothing_to_end(
    answered: bool, said: set[str]
) -> None:
    written = H(Policy(subscriptions="each", order="none")).join("a", "b").sub("a").sub("b", answered=answered)
    assert says(written.unsub("b").sub("b").send("m", "a", "r0").got("m", "b", "b")) == said


@pytest.mark.parametrize(("sessions", "said"), [("takeover", NOTHING), ("independent", {"HF103 violated"})])
def test_who_takes_a_session_over_takes_its_subscriptions(
    sessions: Literal["takeover", "independent"], said: set[str]
) -> None:
    written = H(Policy(subscriptions="each", sessions=sessions)).join("a").sub("a").join("b", session="s0").sub("b")
    written.join("c", session="s0").sub("c").send("m", "a", "r0").got("m", "c", "c")
    assert says(written) == said


# ---- what waits for a reader, and what overtakes ---------------------------------------------------------------------


def waiting(subscriptions: Literal["counted", "each"], asked: int) -> H:
    """b has asked so often for the room, in which nine small messages are on their way to it; it is closed."""
    written = subscribed(asked, Policy(subscriptions=subscriptions))
    for name in range(9):
        written.send(f"m{name}", "a", "r0")
    return written.ended("b", 1013)


@pytest.mark.parametrize(
    ("subscriptions", "asked", "said"),
    [("each", 2, NOTHING), ("each", 1, {"HF301 violated"}), ("counted", 2, {"HF301 violated"})],
)
def test_each_copy_takes_its_place_in_the_queue(
    subscriptions: Literal["counted", "each"], asked: int, said: set[str]
) -> None:
    """Sixteen fit in any queue: eighteen copies do not."""
    assert says(waiting(subscriptions, asked)) == said


@pytest.mark.parametrize(
    ("subscriptions", "answered", "said"),
    [("each", False, NOTHING), ("each", True, {"HF101 violated"}), ("counted", False, {"HF101 violated"})],
)
def test_a_newer_subscription_may_have_a_queue_of_its_own(
    subscriptions: Literal["counted", "each"], answered: bool, said: set[str]
) -> None:
    """What was sent before it waits in that of the older one, when what was sent later comes; then b is gone."""
    written = subscribed(1, Policy(subscriptions=subscriptions))
    written = written.sub("b") if answered else written
    written.send("m", "a", "r0")
    written = written if answered else written.sub("b")
    assert says(written.send("n", "a", "r0").got("n", "b").drop("b")) == said
