"""HF201 limit-exceeded, HF202 refused-below-limit, HF203 slot-leak (SPEC 2.5, 2.6, 2.9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from histories import H, obligations, says

from fuzzer.invariants import judge
from fuzzer.plan import Plan
from fuzzer.policy import Limit, Policy

REJECT = Policy(limit=Limit(2, codes=(1008,), statuses=(429,)))
EVICT = Policy(limit=Limit(2, "evict-oldest", codes=(4009,)))
HANDSHAKE = Policy(join_evidence="handshake", limit=Limit(2, codes=(1008,)))
TAKEOVER = Policy(sessions="takeover", limit=Limit(2, codes=(1008,), statuses=(429,)))
NOTHING: set[str] = set()
OVER = {"HF201 violated"}
UNDER = {"HF202 violated"}


def alive(written: H, *conns: str) -> H:
    """A message that is sent now reaches all of these."""
    fence = f"~{len(written.events)}"
    return written.send(fence, conns[-1]).got(fence, *conns)


# ---- above the limit -----------------------------------------------------------------------------------------------


def test_three_members_at_once_where_two_are_allowed() -> None:
    written = alive(H(REJECT).join("a", "b", "c"), "a", "b", "c")
    assert says(written) == OVER
    assert obligations(written, "HF201") == 3


def test_three_members_at_once_where_the_oldest_should_have_gone() -> None:
    written = H(EVICT).join("a", "b", "c").send("m", "a").send("n", "b")
    assert says(written.got("m", "b", "c").got("n", "a")) == OVER


def test_its_own_message_back_shows_no_member_where_one_may_be_about_to_be_evicted() -> None:
    assert says(alive(H(EVICT).join("a", "b", "c"), "a", "b", "c").ended("a", 4009)) == set()


@pytest.mark.parametrize(
    "written",
    [
        alive(H(REJECT).join("a", "b"), "a", "b"),
        H(REJECT).open("a", "b", "c").ok("a", "b", "c"),  # three 101s: the server may still decide
        H(REJECT).join("a", "b", "c"),  # three welcomes: the first two may have gone since
        alive(H(REJECT).join("a", "b", "c"), "b", "c"),
        alive(H(REJECT).join("a", "b").join("c", user="u1"), "a", "b"),
        alive(alive(H(REJECT).join("a", "b"), "a", "b").closed("a").join("c"), "b", "c"),
        H(REJECT).join("a", "b").send("~", "b").join("c").got("~", "a", "b", "c"),  # sent before c joined
        alive(H().join("a", "b", "c"), "a", "b", "c"),
    ],
    ids=["at-limit", "handshakes", "welcomes", "one-silent", "other-user", "left", "sent-before", "no-limit"],
)
def test_not_above_the_limit(written: H) -> None:
    assert says(written) == NOTHING


def test_the_new_ones_welcome_before_the_old_ones_close_is_no_crowd() -> None:
    """They travel on two sockets: the reads may be in either order."""
    written = alive(H(EVICT).join("a", "b"), "a", "b").join("c").ended("a", 4009)
    assert says(alive(written, "b", "c")) == NOTHING


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (H(REJECT).join("a", "b").open("c").refused("c", 429), 1),
        (H(EVICT).join("a", "b").join("c").ended("a", 4009), 1),
        (H(EVICT).join("a", "b", role="slot").join("c", role="slot").ended("a", 4009), 1),
        (H(REJECT).join("a", "b").open("c").refused("c", 503), 0),
        (H(EVICT).join("a", "b").join("c").ended("a", 1001), 0),
    ],
    ids=["refused", "evicted", "when-all-have-left", "refused-otherwise", "closed-otherwise"],
)
def test_who_has_to_go_shows_that_the_limit_is_kept(written: H, number: int) -> None:
    assert obligations(written, "HF201") == number


def test_nobody_was_seen_to_live() -> None:
    assert obligations(H(REJECT).join("a", "b"), "HF201") == 0
    assert obligations(H().join("a", "b"), "HF201") is None


# ---- refused below it ----------------------------------------------------------------------------------------------


def test_refused_by_status_below_the_limit() -> None:
    written = H(REJECT).join("a").open("b").refused("b")
    assert says(written) == UNDER
    assert obligations(written, "HF202") == 2


def test_refused_by_close_before_it_had_joined() -> None:
    assert says(H(REJECT).join("a").open("b").ok("b").ended("b", 1008)) == UNDER


@pytest.mark.parametrize(
    ("own", "others", "doubted"), [(3, 0, True), (1, 2, True), (2, 0, False), (1, 1, False)], ids=str
)
def test_a_refusal_that_a_shared_limit_explains_names_the_scope(own: int, others: int, doubted: bool) -> None:
    """With the control pair there may have been five, the limit: is it one that all users share?"""
    written = H(Policy(limit=Limit(5, statuses=(429,)))).join(*"abc"[:own])
    written = written.join(*"de"[:others], user="u1").open("x").refused("x")
    assert says(written) == UNDER
    [finding] = judge(written.history()).violations
    assert ("policy.limit.scope" in finding.dial) == doubted
    assert finding.dial.startswith("policy.limit, policy.t_release")


def test_a_limit_that_is_declared_as_shared_is_not_asked_about() -> None:
    written = H(Policy(limit=Limit(5, statuses=(429,), scope="global"))).join("a", "b", "c").open("x").refused("x")
    assert "scope" not in judge(written.history()).violations[0].dial


def test_refused_after_everybody_was_surely_released() -> None:
    assert says(H(REJECT).join("a", "b").closed("a").controls(2.2).open("c").refused("c")) == UNDER
    assert says(H(REJECT).join("a", "b").drop("a").controls(5.2).open("c").refused("c")) == UNDER


@pytest.mark.parametrize(
    "written",
    [
        H(REJECT).join("a", "b").open("c").refused("c"),
        H(REJECT).open("a", "b", "c").refused("a").refused("b").refused("c"),  # a race of increments may refuse all
        H(REJECT).join("a").open("b", "c").refused("b").ok("c").welcome("c"),
        H(REJECT).join("a", "b").closed("a").open("c").refused("c"),  # Close read, slot not yet free
        H(REJECT).join("a", "b").closed("a").controls(1.8).open("c").refused("c"),
        H(REJECT).join("a", "b").closed("a").controls(60, ok=False).open("c").refused("c"),  # a paused server
        H(REJECT).join("a", "b").closed("a").wait(60).open("c").refused("c"),
        H(REJECT).join("a", "b").closed("a").controls(1.5).lag(1.0).controls(0.4).open("c").refused("c"),
        H(REJECT).join("a", "b").drop("a").controls(4.8).open("c").refused("c"),
        H(REJECT).join("a", "b").drop("a", "vanish").controls(60).open("c").refused("c"),
        H(REJECT).join("a").open("x", abandon="after-101").drop("x").controls(60).open("c").refused("c"),
        H(REJECT).join("a").open("x").refused("x", None, "timeout").controls(2.5).open("c").refused("c"),
        H(REJECT).join("a", "b").ended("a", 1011, tcp=False).controls(60).open("c").refused("c"),
        H(REJECT).join("a").open("b").ok("b").fault("b", "malformed:not-json").ended("b", 1008),
        H(REJECT).join("a").open("b").ok("b").close_begun("b").ended("b", 1008),
        H(REJECT).open("b", token="expired").refused("b"),
        H(TAKEOVER).open("a", session="s").ok("a").open("b", session="s").ok("b").ended("a", 1008),
        H(EVICT).join("a", "b").open("c", "d", "e").ok("c").ended("c", 4009),
        H().join("a").open("b").refused("b"),
    ],
    ids=[
        "at-limit", "race", "concurrent", "just-closed", "not-yet-due", "paused", "unasked", "own-lag", "dropped",
        "vanished", "after-101", "timed-out", "our-tcp-open", "malformed", "we-closed", "bad-token", "taken-over",
        "evicted", "no-limit",
    ],
)  # fmt: skip
def test_refusals_that_some_order_of_events_explains(written: H) -> None:
    assert "HF202 violated" not in says(written)


@pytest.mark.parametrize(
    "written",
    [
        H(REJECT).join("a").open("b").refused("b", 503),
        H(REJECT).join("a").open("b").refused("b", None, "timeout"),
        H(REJECT).join("a").open("b").refused("b", None, "reset"),
        H(REJECT).join("a").open("b").ok("b").ended("b", 1011),
        H(REJECT).join("a").open("b").ok("b").lag(1.0).ended("b", 1008),  # it may have waited for the token in vain
    ],
    ids=["status", "timeout", "reset", "close-code", "own-lag"],
)
def test_refusals_for_another_reason_are_inconclusive(written: H) -> None:
    assert says(written) == {"HF202 inconclusive"}


def odd(written: H, user: str = "u0") -> H:
    """This user has a name that not every hub takes."""
    written.plan = Plan((), names={user: "../ann"})
    return written


@pytest.mark.parametrize("refuse", [lambda w: w.refused("a"), lambda w: w.ok("a").ended("a", 1008)])
def test_a_name_by_which_nobody_gets_in_may_be_the_reason(refuse: Callable[[H], H]) -> None:
    assert says(refuse(odd(H(REJECT)).open("a"))) == {"HF202 inconclusive"}
    assert says(refuse(odd(H(REJECT), "u1").open("a"))) == UNDER


def test_a_name_by_which_somebody_got_in_is_not() -> None:
    assert says(odd(H(REJECT)).open("a").refused("a").join("b")) == UNDER


def test_a_101_and_then_a_close_because_of_the_limit_is_a_refusal_even_where_a_101_is_membership() -> None:
    assert says(H(HANDSHAKE).open("a", "b").ok("a", "b").open("c").ok("c").ended("c", 1008)) == NOTHING
    assert says(H(HANDSHAKE).open("c").ok("c").ended("c", 1008)) == UNDER


def test_below_the_limit_nobody_tried() -> None:
    assert obligations(H(REJECT), "HF202") == 0
    assert obligations(H(), "HF202") is None


# ---- slots ---------------------------------------------------------------------------------------------------------


def test_a_slot_that_never_came_back() -> None:
    written = H(REJECT).join("a", "b").drop("a").closed("b").controls(5.2).join("s0", role="slot")
    written.open("s1", role="slot").refused("s1")
    assert says(written) == {"HF203 violated"}
    assert obligations(written, "HF203") == 2


@pytest.mark.parametrize(
    "written",
    [
        H(REJECT).join("a", "b").drop("a").closed("b").controls(5.2).join("s0", "s1", role="slot"),
        H(REJECT).join("a", "b").drop("a").closed("b").controls(4).join("s0", role="slot").open("s1", role="slot")
        .refused("s1"),
        H(REJECT).join("s0", "s1", role="slot").open("above", role="slot").refused("above"),
        # a refused attempt may itself hold a slot for a while
        H(REJECT).join("s0", role="slot").open("x", role="slot").refused("x", 503).controls(1).open("y", role="slot")
        .refused("y"),
    ],
    ids=["all-back", "not-yet-due", "one-above", "attempts"],
)  # fmt: skip
def test_slots_that_may_be_held(written: H) -> None:
    assert not any(one.endswith("violated") for one in says(written))


def test_one_above_that_gets_in_is_above_the_limit() -> None:
    written = H(REJECT).join("s0", "s1", "above", role="slot")
    assert says(alive(written, "s0", "s1", "above")) == OVER


def test_no_slots_were_tried() -> None:
    assert obligations(H(REJECT).join("a"), "HF203") == 0


# ---- rooms of one connection -----------------------------------------------------------------------------------------

ONE_ROOM = Policy(max_rooms=1)


def in_rooms(policy: Policy = ONE_ROOM) -> H:
    """a has joined r0 and r1, and was told so; b is in both, too, to send there."""
    return H(policy).join("a").join("b", user="u1").sub("a", room="r0").sub("a", room="r1")


def heard(written: H, *rooms: str) -> H:
    for room in rooms:
        written = written.send(f"~{room}", "a", room=room).got(f"~{room}", "a")
    return written


def test_one_connection_in_two_rooms_where_one_is_allowed() -> None:
    written = heard(in_rooms(), "r0", "r1")
    assert says(written) == OVER
    assert obligations(written, "HF201") == 2
    assert says(heard(in_rooms(Policy(max_rooms=2)), "r0", "r1")) == NOTHING
    assert says(heard(in_rooms(Policy()), "r0", "r1")) == NOTHING


@pytest.mark.parametrize(
    "written",
    [
        heard(in_rooms(), "r1"),  # an answer alone proves nothing: the first room may be over by then
        heard(H(ONE_ROOM).join("a").sub("a", room="r0"), "r0").unsub("a").sub("a", room="r1"),
        heard(heard(H(ONE_ROOM).join("a").sub("a", room="r0"), "r0").unsub("a").sub("a", room="r1"), "r1"),
        heard(
            H(ONE_ROOM).join("a").sub("a", room="r0").sub("a", room="r1", answered=False).not_joined("a", "r1"), "r0"
        ),
    ],
    ids=["told", "left", "left-and-heard", "refused"],
)
def test_what_is_not_too_many_rooms(written: H) -> None:
    assert says(written) == NOTHING
