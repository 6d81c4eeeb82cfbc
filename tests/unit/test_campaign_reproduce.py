"""Measured repetition: how often a candidate is run, how a rate is measured, and what a replay answers."""

from __future__ import annotations

from math import ceil, log

import pytest
import trio
from campaign_fakes import QUIET, RACE, TWO_TABS, Bug, FakeHub, doubled, has, of, two_opens_at_once

from fuzzer.campaign import Rate, Replayed, replay
from fuzzer.campaign.reproduce import MOST_REPEATS, RISK, measure, repeats
from fuzzer.campaign.trials import Trials
from fuzzer.invariants import judge
from fuzzer.plan import Plan, Stall

HALF = Bug(two_opens_at_once, doubled, p=0.5)
PRINT = of(doubled)


def replayed(hub: FakeHub, times: int = 20, seconds: float | None = None, plan: Plan = TWO_TABS) -> Replayed:
    async def main() -> Replayed:
        return await replay(hub, plan, PRINT, times, seconds=seconds, clock=hub.clock)

    return trio.run(main)


def measured(hub: FakeHub, times: int, **more: object) -> Replayed:
    trials = Trials(hub, judge, hub.clock)

    async def main() -> Replayed:
        return await measure(trials, TWO_TABS, PRINT, times, **more)  # type: ignore[arg-type]

    return trio.run(main)


def test_repeats_miss_a_failure_as_common_as_before_with_five_percent() -> None:
    for failed, runs in ((1, 2), (3, 9), (5, 9), (18, 19)):
        chance = failed / (runs + 1)
        assert repeats(failed, runs) == ceil(log(RISK) / log(1 - chance))


def test_repeats_have_bounds() -> None:
    assert repeats(0, 10) == repeats(1, 500) == MOST_REPEATS
    assert repeats(10**6, 10**6) == 1
    assert repeats(0, 0) == MOST_REPEATS
    assert repeats(1, 1) > 1  # one run is no certainty


def test_fixed_failed_and_how_often() -> None:
    assert (str(replayed(FakeHub((RACE,)))), str(replayed(FakeHub()))) == ("FAILED 20/20", "FIXED 0/20")
    seen = replayed(FakeHub((HALF,)), 40)
    assert seen.outcome == "FAILED"
    assert 10 <= seen.rate.failed <= 30
    assert seen.witness is not None
    assert seen.witness.finding(PRINT)


def test_another_failure_is_not_this_one() -> None:
    assert replayed(FakeHub((Bug(has(Stall), doubled),))).outcome == "FIXED"
    assert replayed(FakeHub((RACE,)), plan=QUIET).outcome == "FIXED"


def test_it_ends_with_its_time_but_runs_once() -> None:
    assert str(replayed(FakeHub((RACE,), seconds=2), seconds=5)) == "FAILED 3/3"
    assert str(replayed(FakeHub((RACE,), seconds=2), seconds=0)) == "FAILED 1/1"


def test_a_dead_server_is_an_error_unless_it_failed_before() -> None:
    dead = FakeHub(error=OSError("connection refused"))
    assert str(replayed(dead)) == "ERROR 0/0: connection refused"

    def die_later(hub: FakeHub, plan: Plan) -> None:
        hub.error = OSError("gone") if len(hub.executed) == 4 else None

    assert str(replayed(FakeHub((RACE,), meanwhile=die_later))) == "FAILED 3/3: gone"
    assert replayed(FakeHub(meanwhile=die_later)).outcome == "ERROR"


def test_each_run_is_told() -> None:
    told: list[str] = []
    hub = FakeHub((RACE,))

    async def main() -> None:
        await replay(hub, TWO_TABS, PRINT, 3, clock=hub.clock, on_run=lambda rate: told.append(str(rate)))

    trio.run(main)
    assert told == ["1/1", "2/2", "3/3"]


def test_a_steady_failure_needs_no_more_runs() -> None:
    assert measured(FakeHub((RACE,)), 10, steady=5).rate == Rate(5, 5)
    assert measured(FakeHub(), 10, steady=5).rate == Rate(0, 10)
    assert measured(FakeHub((HALF,), seed=3), 10, steady=5).rate.runs == 10


@pytest.mark.parametrize(("least", "runs"), [(1, 1), (3, 3), (30, 10)])
def test_time_over_or_not_there_are_so_many_runs(least: int, runs: int) -> None:
    hub = FakeHub((RACE,), seconds=9)
    assert measured(hub, 10, until=hub.clock.now, least=least).rate == Rate(runs, runs)
