"""A limit that all users share (``limit.scope``): everybody counts, the control pair and earlier plans as well."""

from __future__ import annotations

from typing import Literal

import pytest
from histories import H, obligations, says

from fuzzer.history import Outsiders
from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy

NOTHING: set[str] = set()
OVER = {"HF201 violated"}
UNDER = {"HF202 violated"}
Over = Literal["reject", "evict-oldest", "evict-any"]


def shared(most: int = 4, over: Over = "reject", **dials: object) -> Policy:
    return Policy(limit=Limit(most, over, codes=(4009,), statuses=(429,), scope="global"), **dials)  # type: ignore[arg-type]


def begun(policy: Policy, held: int = 1, pair: int = 1, earlier: bool = False) -> H:
    """The control pair is there, and told."""
    return H(policy).add(Outsiders, held=held, pair=pair, earlier=earlier)


def reopened(written: H, held: int, pair: int = 1) -> H:
    return written.add(Outsiders, held=held, pair=pair)


def alive(written: H, *conns: str) -> H:
    """Each gets a message that is sent now by itself."""
    for conn in conns:
        fence = f"~{conn}~{len(written.events)}"
        written.send(fence, conn).got(fence, conn)
    return written


def keys(written: H) -> list[str]:
    return [f.key for f in judge(written.history()).violations]


def three(policy: Policy, **told: int) -> H:
    return begun(policy, **told).join("a").join("b", user="u1").join("c", user="u2")


# ---- HF201 -----------------------------------------------------------------------------------------------------------


def test_members_of_all_users_are_counted_together() -> None:
    assert says(alive(three(shared(2)), "a", "b", "c")) == OVER
    assert says(alive(three(shared(3)), "a", "b", "c")) == NOTHING
    assert obligations(alive(three(shared(3)), "a", "b", "c"), "HF201") == 3


def test_of_a_limit_of_each_user_they_are_not() -> None:
    own = Policy(limit=Limit(2, codes=(4009,), statuses=(429,)))
    assert says(alive(three(own), "a", "b", "c")) == NOTHING


def answered(pair: int, before: int, after: int) -> H:
    """Three members under a limit of four, with good round trips of the control pair before and after."""
    written = begun(shared(4), pair, pair).controls(0.1 * (before - 1))
    written = alive(written.join("a").join("b", user="u1").join("c", user="u2"), "a", "b", "c")
    return written.controls(0.1 * (after - 1)) if after else written


def test_the_control_pair_counts_once_both_of_it_have_received_before_and_after() -> None:
    written = answered(2, 2, 2)
    assert says(written) == OVER
    assert "2 of hubfuzz's control pair" in judge(written.history()).violations[0].observed


@pytest.mark.parametrize(
    "written",
    [
        answered(1, 1, 1),  # four of four
        answered(2, 1, 2),  # one of the two may not have been there yet
        answered(2, 2, 1),  # or not any more
        answered(2, 2, 0),
        reopened(begun(shared(4), 2, 2).controls(0.1), 3, 2).join("a", "b", "c").controls(0.1),
        alive(begun(shared(4), 2, 2).controls(0.1, ok=False).join("a", "b", "c"), "a", "b", "c").controls(0.1),
        alive(begun(shared(4), 2, 2).controls(0.1).restart().join("a", "b", "c"), "a", "b", "c").controls(0.1),
    ],
    ids=["one-control", "early", "late", "unanswered", "reopened", "failed", "restarted"],
)
def test_a_control_pair_that_need_not_have_been_there(written: H) -> None:
    assert says(written) == NOTHING


# ---- HF202 and HF203 -------------------------------------------------------------------------------------------------


def test_refused_below_the_shared_limit() -> None:
    written = begun(shared(4)).join("a").join("b", user="u1").open("c", user="u2").refused("c")
    assert says(written) == UNDER
    assert "a, b, the control pair" in judge(written.history()).violations[0].expected
    assert obligations(written, "HF202") == 3


@pytest.mark.parametrize(
    "written",
    [
        three(shared(4)).open("d").refused("d"),
        three(shared(5), held=2).open("d").refused("d"),
        reopened(begun(shared(4)).join("a").join("b", user="u1"), 2).open("c").refused("c"),
        reopened(begun(shared(4)).join("a").join("b", user="u1").open("c"), 2).refused("c"),
        begun(shared(4), earlier=True).open("a").refused("a"),
        begun(shared(4), earlier=True).controls(4.8).open("a").refused("a"),
        begun(shared(4), earlier=True).controls(60, ok=False).open("a").refused("a"),
        begun(shared(4), earlier=True).wait(60).open("a").refused("a"),
    ],
    ids=["full", "two-controls", "reopened", "meanwhile", "earlier", "not-yet-due", "paused", "unasked"],
)
def test_refusals_that_others_slots_explain(written: H) -> None:
    assert says(written) == NOTHING


def test_what_was_before_the_plan_is_over_at_last() -> None:
    assert says(begun(shared(4), earlier=True).controls(5.2).open("a").refused("a")) == UNDER


@pytest.mark.parametrize(("waited", "said"), [(5.2, NOTHING), (8.3, UNDER)])
def test_what_a_killed_process_had_may_be_kept_in_a_store_for_longer(waited: float, said: set[str]) -> None:
    killed = H(shared(4)).add(Outsiders, held=1, pair=1, earlier=True, left=8.0)
    assert says(killed.controls(waited).open("a").refused("a")) == said


@pytest.mark.parametrize(("left", "said"), [(8.0, []), (0.0, ["HF203 slot", "HF501 refused", "HF204 needless"])])
def test_nor_is_it_a_leak_or_an_eviction_without_need(left: float, said: list[str]) -> None:
    def after(over: Over) -> H:
        return H(shared(4, over)).add(Outsiders, held=1, pair=1, earlier=True, left=left).controls(6.0)

    slot = after("reject").phase("slots:u0").open("s0", role="slot").refused("s0")
    canary = after("reject").phase("canary").open("c0", user="canary", role="canary").refused("c0")
    evicted = after("evict-any").join("a").join("b").ended("a", 4009)
    assert [f"{f.code} {f.key}" for w in (slot, canary, evicted) for f in judge(w.history()).violations] == said


def test_a_slot_that_never_came_back() -> None:
    written = begun(shared(4)).join("a").join("b", user="u1").drop("b").closed("a").controls(5.2)
    written.join("s0", "s1", role="slot").open("s2", role="slot").refused("s2")
    assert says(written) == {"HF203 violated"}
    assert obligations(written, "HF203") == 3


def test_the_control_pair_has_the_slot_that_is_missing() -> None:
    written = begun(shared(4), 2, 2).join("a").closed("a").controls(5.2)
    assert says(written.join("s0", "s1", role="slot").open("s2", role="slot").refused("s2")) == NOTHING


# ---- HF204 and HF301 -------------------------------------------------------------------------------------------------


def test_any_user_makes_the_oldest_go() -> None:
    full = begun(shared(2, "evict-oldest"), 0).join("a").join("b", user="u1").join("c", user="u2")
    assert says(full.ended("a", 4009)) == NOTHING


def test_an_eviction_below_the_shared_limit_is_needless() -> None:
    written = begun(shared(3, "evict-oldest")).join("a").join("b", user="u1").ended("a", 4009)
    assert (says(written), keys(written)) == ({"HF204 violated"}, ["needless"])


def test_a_younger_user_goes_while_the_oldest_lives_on() -> None:
    written = begun(shared(2, "evict-oldest"), 0).join("a").join("b", user="u1").join("c", user="u2")
    assert keys(written.ended("b", 4009).join("d").send("~", "d").got("~", "a")) == ["wrong"]
    anyone = begun(shared(2, "evict-any"), 0).join("a").join("b", user="u1").join("c", user="u2")
    assert keys(alive(anyone.ended("b", 4009), "a")) == []


@pytest.mark.parametrize("over", ["evict-oldest", "evict-any"])
def test_the_control_pair_and_what_was_before_may_evict(over: Over) -> None:
    assert says(begun(shared(2, over), 1).join("a", "b").ended("a", 4009)) == NOTHING
    assert says(reopened(begun(shared(2, over), 0).join("a", "b"), 1).ended("a", 4009)) == NOTHING
    assert says(begun(shared(2, over), 0, earlier=True).join("a").ended("a", 4009)) == NOTHING
    assert keys(begun(shared(2, over), 0).join("a", "b").ended("a", 4009)) == ["needless"]


# ---- others that a slot explains -------------------------------------------------------------------------------------


def test_a_zombie_of_another_user_fills_the_shared_limit() -> None:
    policy = shared(3, t_heartbeat=1.0)

    def late(held: int) -> H:
        written = begun(policy, held).join("a").join("b", user="u1").drop("b", "vanish").controls(1.3)
        return written.open("c", user="u2").refused("c")

    assert says(late(1)) == {"HF403 violated"}
    assert says(late(2)) == NOTHING


def test_a_session_is_kept_out_by_its_predecessor_alone() -> None:
    policy = shared(3, sessions="takeover")

    def returning(held: int) -> H:
        written = begun(policy, held).join("a", session="s").join("b", user="u1")
        return written.open("c", session="s").refused("c")

    assert "HF404 violated" in says(returning(1))
    assert says(returning(2)) == NOTHING


def test_a_canary_that_is_refused_while_slots_may_be_held() -> None:
    written = begun(shared(2), 1).phase("slots").join("s0", role="slot").closed("s0").phase("canary")
    assert says(written.open("canary.0", user="canary", role="canary").refused("canary.0")) == NOTHING
    written.controls(2.2).open("canary.0.1", user="canary", role="canary").refused("canary.0.1")
    assert says(written) == {"HF501 violated"}


def test_what_a_plan_can_have_of_a_shared_limit() -> None:
    frees = {most: (limit.kept, limit.free) for most in (2, 3, 4, 9) if (limit := shared(most).limit)}
    assert frees == {2: (1, 1), 3: (1, 2), 4: (2, 2), 9: (2, 7)}
    assert (Limit(3).kept, Limit(3).free, Limit(3, scope="ip").shared) == (0, 3, True)
