"""The campaign as a whole, on a runner of our own: what it runs, what it says and writes, and what it counts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaign_fakes import (
    CROWD,
    QUIET,
    RACE,
    TWO_TABS,
    Bug,
    FakeHub,
    always,
    campaign,
    doubled,
    has,
    leaked,
    of,
    strayed,
)

from fuzzer.campaign import (
    FailureFound,
    FailureShrunk,
    FailureStore,
    Finished,
    Options,
    PlanExecuted,
    Started,
    read_failure,
)
from fuzzer.plan import Close, Drop, Plan

ENDLESS = Options(seconds=None)


def test_scenarios_first_then_plans_and_every_one_is_told() -> None:
    ran = campaign(FakeHub(), [QUIET, TWO_TABS], scenarios=[("crowd", CROWD)])
    assert ran.hub.executed == [CROWD, QUIET, TWO_TABS]
    assert [event.origin for event in ran.told(PlanExecuted)] == ["scenario crowd", "plan 1", "plan 2"]
    assert [event.number for event in ran.told(PlanExecuted)] == [1, 2, 3]
    assert (ran.result.totals.plans, ran.result.totals.scenarios) == (3, 1)
    assert isinstance(ran.events[0], Started)
    assert ran.events[0].scenarios == 1
    assert isinstance(ran.events[-1], Finished)
    assert ran.events[-1].result == ran.result
    assert ran.result.stop_reason == "done"


@pytest.mark.parametrize(
    ("options", "seconds", "reason", "plans"),
    [
        (Options(seconds=3), 1.0, "time", 3),
        (Options(seconds=None, plans=4), 1.0, "plans", 4),
        (Options(seconds=0), 1.0, "time", 1),
        (Options(seconds=None, plans=0), 1.0, "plans", 1),
        (Options(seconds=None, ceiling=2), 1.0, "time", 2),
        (Options(seconds=3, plans=3), 1.0, "time", 3),
    ],
)
def test_budgets(options: Options, seconds: float, reason: str, plans: int) -> None:
    ran = campaign(FakeHub(seconds=seconds), itertools.repeat(QUIET), options)
    assert ran.result.stop_reason == reason
    assert ran.result.totals.plans == plans == len(ran.hub.executed)


def test_a_source_of_plans_is_not_read_further_than_needed_and_is_closed() -> None:
    read: list[int] = []
    closed: list[bool] = []

    def source() -> Iterator[Plan]:
        try:
            for number in itertools.count():
                read.append(number)
                yield QUIET
        finally:
            closed.append(True)

    campaign(FakeHub(), source(), Options(seconds=None, plans=3))
    assert (read, closed) == ([0, 1, 2], [True])


def test_the_most_failures_end_it_and_what_was_found_is_shrunk_all_the_same() -> None:
    hub = FakeHub((RACE,))
    ran = campaign(hub, itertools.chain([CROWD], itertools.repeat(QUIET)), Options(seconds=None, max_failures=1))
    assert ran.result.stop_reason == "failure-limit"
    assert ran.result.totals.plans == 1
    (failure,) = ran.result.failures
    assert failure.shrunk
    assert failure.plan == TWO_TABS
    assert failure.original == CROWD


def test_a_failure_is_on_disk_before_it_is_shrunk_and_replaced_after(tmp_path: Path) -> None:
    path = tmp_path / "failures" / f"{of(doubled)}.json"
    on_disk: list[tuple[int, bool]] = []

    def look(hub: FakeHub, plan: Plan) -> None:
        if path.exists():
            failure = read_failure(path).failure
            on_disk.append((failure.plan.size(), failure.shrunk))

    ran = campaign(FakeHub((RACE,), meanwhile=look), [CROWD], ENDLESS, store=FailureStore(path.parent))
    assert set(on_disk) == {(CROWD.size(), False)}
    assert len(on_disk) == len(ran.hub.executed) - 1
    assert read_failure(path).failure == ran.result.failures[0]
    assert (ran.told(FailureFound)[0].path, ran.told(FailureShrunk)[0].path) == (str(path), str(path))
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_one_bug_is_reported_once_however_often_it_is_met() -> None:
    ran = campaign(FakeHub((RACE,)), [CROWD, TWO_TABS, QUIET, TWO_TABS])
    assert len(ran.told(FailureFound)) == len(ran.told(FailureShrunk)) == len(ran.result.failures) == 1
    assert [bool(event.violated) for event in ran.told(PlanExecuted)] == [True, True, False, True]
    assert ran.result.totals.met[of(doubled)] > 3


def test_three_bugs_at_once_and_none_hides_another(tmp_path: Path) -> None:
    bugs = (RACE, Bug(has(Close), strayed), Bug(has(Drop), leaked))
    store = FailureStore(tmp_path)
    ran = campaign(FakeHub(bugs), [CROWD], store=store)
    assert {f.fingerprint: f.plan.size() for f in ran.result.failures} == {
        of(doubled): 2,
        of(strayed): 2,
        of(leaked): 2,
    }
    assert all(failure.shrunk and str(failure.rate) == "20/20" for failure in ran.result.failures)
    assert {stored.failure.fingerprint for stored in store.all()} == {of(doubled), of(strayed), of(leaked)}


def test_a_bug_that_only_shows_while_another_is_shrunk_is_found_and_shrunk_too() -> None:
    hidden = Bug(lambda plan: 3 < plan.size() < CROWD.size(), strayed)
    ran = campaign(FakeHub((RACE, hidden)), [CROWD])
    assert {failure.fingerprint for failure in ran.result.failures} == {of(doubled), of(strayed)}
    late = next(failure for failure in ran.result.failures if failure.fingerprint == of(strayed))
    assert late.origin == f"shrinking {of(doubled)}"
    assert late.shrunk


def test_what_shows_only_with_scaled_time_bounds_is_never_reported() -> None:
    slow = Bug(has(Drop), doubled)
    never = Bug(always, strayed, only_hurried=True)
    hub = FakeHub((slow, never), seconds=2.0)
    ran = campaign(hub, [CROWD])
    assert min(hub.hurries) < 1
    assert [failure.fingerprint for failure in ran.result.failures] == [of(doubled)]
    assert ran.result.failures[0].history.plan == ran.result.failures[0].plan


def test_known_failures_are_counted_and_otherwise_left_alone(tmp_path: Path) -> None:
    ran = campaign(
        FakeHub((RACE,)),
        [TWO_TABS, TWO_TABS],
        Options(seconds=None, known=(of(doubled),)),
        store=FailureStore(tmp_path),
    )
    assert ran.result.failures == ()
    assert ran.result.totals.met == {of(doubled): 2}
    assert ran.hub.executed == [TWO_TABS, TWO_TABS]
    assert list(tmp_path.iterdir()) == []


def test_skipped_invariants_report_nothing_and_only_asks_one() -> None:
    bugs = (RACE, Bug(has(Close), strayed))
    skipped = campaign(FakeHub(bugs), [CROWD], Options(seconds=None, skip=("HF103",)))
    alone = campaign(FakeHub(bugs), [CROWD], Options(seconds=None, only=("HF103",)))
    assert [failure.code for failure in skipped.result.failures] == ["HF104"]
    assert [failure.code for failure in alone.result.failures] == ["HF103"]
