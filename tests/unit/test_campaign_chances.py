"""What could hardly be shown again is hunted once more from the next plan that meets it, and the surer result stays."""

from __future__ import annotations

import itertools

import pytest
from campaign_fakes import CROWD, QUIET, TWO_TABS, Bug, FakeHub, always, by_the_book, campaign, doubled, of

from fuzzer.campaign import Failure, FailureFound, FailureShrunk, Options, PlanExecuted, Rate
from fuzzer.campaign.chances import MOST_HUNTS, better, may_improve, settled
from fuzzer.history import History
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Close, Plan

PRINT = of(doubled)


def failure(rate: Rate | None, plan: Plan = CROWD, *, shrunk: bool = True, hunts: int = 1) -> Failure:
    written = doubled(by_the_book(plan))
    history = History(tuple(written.events), written.policy, plan)
    (finding,) = judge(history).violations
    return Failure(PRINT, finding.code, plan, plan, history, finding, rate=rate, shrunk=shrunk, hunts=hunts)


@pytest.mark.parametrize(
    ("one", "hopeful"),
    [
        (failure(Rate(1, 20)), True),
        (failure(Rate(0, 17)), True),
        (failure(Rate(10, 20)), False),
        (failure(None), False),
        (failure(Rate(1, 20), shrunk=False), False),
        (failure(Rate(1, 20), hunts=MOST_HUNTS), False),
    ],
)
def test_only_what_was_shrunk_and_hardly_fails_gets_another_chance(one: Failure, hopeful: bool) -> None:
    assert may_improve(one) is hopeful
    assert settled([one, failure(Rate(20, 20))]) == (1 if hopeful else 2)


def test_surer_is_better_and_among_the_equally_sure_the_smaller() -> None:
    sure, half, rare = (failure(Rate(n, 20)) for n in (18, 12, 2))
    assert better(sure, half)
    assert better(half, rare)
    assert not better(rare, half)
    assert better(failure(Rate(18, 20), TWO_TABS), failure(Rate(20, 20)))
    assert not better(failure(Rate(20, 20)), failure(Rate(20, 20)))
    assert better(rare, failure(None, TWO_TABS, shrunk=False)), "what was never shrunk is no rival"


class Flaky:
    """Strikes each of ``once`` the first time that it is run, and ``surely`` always."""

    def __init__(self, *once: Plan, surely: tuple[Plan, ...] = ()) -> None:
        self.once = list(once)
        self.surely = surely

    def __call__(self, plan: Plan) -> bool:
        if plan in self.once:
            self.once.remove(plan)
            return True
        return plan in self.surely


def test_the_next_plan_that_meets_it_is_shrunk_in_its_place() -> None:
    hub = FakeHub((Bug(Flaky(CROWD, surely=(TWO_TABS,)), doubled),))
    ran = campaign(hub, [CROWD, QUIET, TWO_TABS, QUIET])
    (found,) = ran.result.failures
    assert (found.plan, found.original, found.origin, found.hunts) == (TWO_TABS, TWO_TABS, "plan 3", 2)
    assert (str(found.rate), found.notes) == ("20/20", ())
    assert len(ran.told(FailureFound)) == 1, "it is the same failure"
    first, second = (event for event in ran.told(FailureShrunk) if isinstance(event, FailureShrunk))
    assert first.failure.plan == CROWD
    assert "not shrunk" in first.failure.notes[0]
    assert second.failure == found


def test_with_a_limit_of_failures_the_campaign_goes_on_until_one_is_worth_it() -> None:
    hub = FakeHub((Bug(Flaky(CROWD, surely=(TWO_TABS,)), doubled),))
    plans = itertools.chain([CROWD, QUIET, TWO_TABS], itertools.repeat(QUIET))
    ran = campaign(hub, plans, Options(seconds=None, max_failures=1))
    assert ran.result.stop_reason == "failure-limit"
    assert (ran.result.totals.plans, ran.result.failures[0].plan) == (3, TWO_TABS)


def test_after_so_many_hunts_it_is_left_as_it_is() -> None:
    rare = Bug(always, doubled, p=0.02)
    plans = itertools.repeat(CROWD)
    ran = campaign(FakeHub((rare,), seed=3), plans, Options(seconds=None, plans=2_000, shrink_seconds=1.0))
    (found,) = ran.result.failures
    hunts = len(ran.told(FailureShrunk))
    assert 1 <= hunts <= MOST_HUNTS
    assert found.hunts == hunts
    assert len(ran.told(PlanExecuted)) == 2_000


def test_a_plan_that_shows_it_no_better_changes_nothing_but_the_count() -> None:
    more = Plan((*CROWD.batches, Batch((Close("a"),))))
    ran = campaign(FakeHub((Bug(Flaky(CROWD, more), doubled),)), [CROWD, QUIET, more, QUIET])
    (found,) = ran.result.failures
    assert (found.plan, found.origin, found.hunts) == (CROWD, "plan 1", 2)
    assert len(ran.told(FailureShrunk)) == 2
