"""Shrinking on scripted bugs: least plans, races that stay likely, one fingerprint only, time that is kept."""

from __future__ import annotations

import itertools

import pytest
import trio
from campaign_fakes import CROWD, RACE, TWO_TABS, Bug, FakeHub, doubled, has, of, steps, strayed, two_opens_at_once
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fuzzer.campaign.complexity import complexity
from fuzzer.campaign.shrink import RAREST, Evidence, Shrinker
from fuzzer.campaign.trials import Trials
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Close, Drop, Open, Plan, Send
from fuzzer.plan_rules import problems
from strategies import Shape, plans

PRINT = of(doubled)
BOTH = steps(Open("a", "u0"), Drop("a"))


def hunt(hub: FakeHub, plan: Plan = CROWD, evidence: Evidence | None = None, seconds: float = 1e9) -> Shrinker:
    """A shrinking that has ended."""
    trials = Trials(hub, judge, hub.clock)
    shrinker = Shrinker(trials, PRINT, plan, evidence or Evidence(5, 5), hub.clock.now + seconds)

    async def main() -> None:
        await shrinker.shrink()

    trio.run(main)
    return shrinker


@pytest.mark.parametrize(
    ("bug", "least"),
    [
        (RACE, TWO_TABS),
        (Bug(has(Drop), doubled), BOTH),
        (Bug(has(Send), doubled), steps(Open("a", "u0"), Send("a", "m0"))),
        (Bug(lambda p: len(p.users()) > 1, doubled), steps(Open("a", "u0"), Open("b", "u1"))),
        (
            Bug(lambda p: sum(isinstance(op, Close | Drop) for op in p.ops()) > 1, doubled),
            steps(Open("a", "u0"), Open("b", "u0"), Close("a"), Close("b")),
        ),
        (
            Bug(lambda p: any(isinstance(op, Send) and op.size >= 9 for op in p.ops()), doubled),
            steps(Open("a", "u0"), Send("a", "m0", size=9)),
        ),
    ],
)
def test_a_sure_bug_ends_at_its_least_plan(bug: Bug, least: Plan) -> None:
    hub = FakeHub((bug,))
    shrinker = hunt(hub)
    assert shrinker.best == least
    assert not shrinker.spent
    assert shrinker.witness is not None
    assert shrinker.witness.plan == least
    assert len(hub.executed) < 250


def test_messages_get_no_smaller_than_the_hub_surely_takes() -> None:
    hub = FakeHub((Bug(has(Send), doubled),))
    plan = steps(Open("a", "u0"), Send("a", "m0", size=50))
    shrinker = Shrinker(Trials(hub, judge, hub.clock), PRINT, plan, Evidence(5, 5), float("inf"), least_size=2)
    assert trio.run(shrinker.shrink) == steps(Open("a", "u0"), Send("a", "m0", size=2))


@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(Shape(rooms=True, sessions=True)))
def test_any_drawn_race_ends_at_two_opens(plan: Plan) -> None:
    assume(two_opens_at_once(plan))
    assert hunt(FakeHub((RACE,)), plan).best == TWO_TABS


def test_every_step_is_valid_simpler_and_fails() -> None:
    hub = FakeHub((RACE,))
    trials = Trials(hub, judge, hub.clock)
    taken: list[Plan] = [CROWD]
    shrinker = Shrinker(trials, PRINT, CROWD, Evidence(5, 5), float("inf"), on_step=lambda plan, by: taken.append(plan))
    trio.run(shrinker.shrink)
    assert shrinker.accepted == taken[1:]
    for before, after in itertools.pairwise(taken):
        assert complexity(after) < complexity(before)
        assert problems(after) == ()
        assert trials.record(after).failed[PRINT]


def test_it_never_slips_to_another_bug() -> None:
    """The other one strikes everything, and more often than the one that is hunted."""
    hub = FakeHub((Bug(lambda plan: not two_opens_at_once(plan), strayed), RACE))
    assert hunt(hub).best == TWO_TABS


def test_renamed_plans_are_not_run_again() -> None:
    hub = FakeHub((RACE,))
    hunt(hub)
    rejected = [plan for plan in hub.executed if not two_opens_at_once(plan)]
    assert max(rejected.count(plan) for plan in rejected) <= 2  # the repeats that certainty asks for


@pytest.mark.parametrize("seed", range(6))
def test_a_race_of_three_in_ten_still_shrinks(seed: int) -> None:
    hub = FakeHub((Bug(two_opens_at_once, doubled, p=0.3),), seed=seed)
    assert hunt(hub, evidence=Evidence(3, 10)).best.size() <= 3
    assert two_opens_at_once(hub.executed[-1]) or len(hub.executed) < 1500


def rarer_when_small(plan: Plan) -> float:
    """Sure with three ops or more, and one in twenty with two."""
    return 0.05 if plan.size() < 3 else 1.0


class Fading(FakeHub):
    """The race becomes rare when the plan is too small for it."""

    async def execute(self, plan: Plan, hurry: float = 1.0) -> object:  # type: ignore[override]
        self.bugs = (Bug(two_opens_at_once, doubled, p=rarer_when_small(plan)),)
        return await super().execute(plan, hurry)


@pytest.mark.parametrize("seed", range(8))
def test_a_plan_that_hardly_ever_fails_is_not_taken_for_good(seed: int) -> None:
    plan = steps((Open("a", "u0"), Open("b", "u0")), Send("a", "m0"), Close("b"), Close("a"))
    shrinker = hunt(Fading(seed=seed), plan)
    assert shrinker.best.size() == 3
    assert not shrinker.spent


def test_it_goes_back_on_its_way_to_the_last_plan_that_fails_often() -> None:
    hub = FakeHub((RACE,))
    trials = Trials(hub, judge, hub.clock)
    shrinker = Shrinker(trials, PRINT, CROWD, Evidence(5, 5), float("inf"))
    smaller = steps((Open("a", "u0"), Open("b", "u0")), Send("a", "m0"))

    async def main() -> None:
        assert await shrinker.try_once(smaller, "by hand")
        assert await shrinker.try_once(TWO_TABS, "by hand")
        trials.record(TWO_TABS).runs = 20  # as if it had been lucky once
        await shrinker._settle()

    trio.run(main)
    assert shrinker.best == shrinker.steady_plans[-1] == smaller


def test_the_time_is_kept_and_the_best_so_far_stands() -> None:
    hub = FakeHub((RACE,), seconds=1)
    began = hub.clock.now
    shrinker = hunt(hub, seconds=6)
    assert shrinker.spent
    assert hub.clock.now - began == 6
    assert complexity(shrinker.best) < complexity(CROWD)
    assert two_opens_at_once(shrinker.best)


def test_nothing_to_gain_costs_no_more_than_looking() -> None:
    hub = FakeHub((RACE,))
    shrinker = hunt(hub, TWO_TABS)
    assert shrinker.best == TWO_TABS
    assert shrinker.accepted == []
    assert len(hub.executed) < 15


def test_inconclusive_runs_reject_nothing_for_ever() -> None:
    """A candidate whose invariant cannot decide is given up after twice the repeats."""
    hub = FakeHub()
    trials = Trials(hub, judge, hub.clock)
    record = trials.record(TWO_TABS)
    record.runs = record.unsure["HF103"] = 3
    shrinker = Shrinker(trials, PRINT, CROWD, Evidence(10, 10), float("inf"))
    assert trio.run(shrinker.try_once, TWO_TABS, "by hand") is False
    assert trials.executions == 1


@given(failed=st.integers(0, 9), clean=st.integers(0, 9))
def test_evidence_is_a_share_that_fades(failed: int, clean: int) -> None:
    evidence = Evidence(failed, failed + clean)
    assert 0 <= evidence.share <= 1
    evidence.succeed(1, 1)
    assert evidence.share >= Evidence(failed, failed + clean).share or evidence.share == pytest.approx(1)
    assert evidence.runs <= 0.7 * (failed + clean) + 1.001


def test_the_rarest_that_is_shrunk_is_one_in_ten() -> None:
    assert RAREST == 0.1


def test_separated_ops_are_no_race() -> None:
    """What the bug needs is kept: here the millisecond."""
    bug = Bug(lambda plan: any(batch.after == "1ms" for batch in plan.batches[1:]), doubled)
    both = (Open("a", "u0"), Open("b", "u0"))
    plan = Plan((Batch(both), Batch((Send("a", "m0"), Close("b")), "1ms"), Batch((Close("a"),))))
    best = hunt(FakeHub((bug,)), plan).best
    assert best == Plan((Batch((Open("a", "u0"),)), Batch((Send("a", "m0"),), "1ms")))
