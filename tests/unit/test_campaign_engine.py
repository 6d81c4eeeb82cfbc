"""The campaign as a whole, on a runner of our own: what it runs, what it says and writes, and how it ends."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing
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
    logged,
    of,
    strayed,
)

from fuzzer.campaign import (
    Control,
    FailureFound,
    FailureShrunk,
    FailureStore,
    Finished,
    Options,
    PlanExecuted,
    ServerRestarted,
    ServerUnavailable,
    Started,
    StoreError,
    Warned,
    read_failure,
    run_campaign,
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


# ---- how it ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["exploring", "shrinking"])
@pytest.mark.parametrize("how", ["control", "keyboard"])
def test_an_interruption_keeps_what_was_found(tmp_path: Path, on: str, how: str) -> None:
    """While exploring, after a failure was shrunk; and in the middle of shrinking."""
    options = Options(seconds=None)
    hub = FakeHub((RACE,))
    control = Control(options, hub.clock)
    plans = [CROWD, QUIET, QUIET] if on == "exploring" else [CROWD]

    def interrupt(hub: FakeHub, plan: Plan) -> None:
        now = plan == QUIET if on == "exploring" else 2 < plan.size() < CROWD.size() and len(hub.executed) > 8
        if now and how == "keyboard":
            raise KeyboardInterrupt
        if now:
            control.interrupt()

    hub.meanwhile = interrupt
    ran = campaign(hub, plans, options, control=control, store=FailureStore(tmp_path))
    assert ran.result.stop_reason == "interrupted"
    (stored,) = FailureStore(tmp_path).all()
    assert stored.failure == ran.result.failures[0]
    assert stored.failure.shrunk == (on == "exploring")
    assert stored.failure.plan.size() < CROWD.size()
    assert isinstance(ran.events[-1], Finished)
    assert ran.result.totals.plans == 1


def test_an_interruption_ends_a_plan_that_hangs() -> None:
    hub = FakeHub()

    async def main() -> str:
        control = Control(ENDLESS, hub.clock)

        async def hang(plan: Plan, hurry: float = 1.0) -> None:
            control.interrupt()
            await trio.sleep_forever()

        hub.execute = hang  # type: ignore[method-assign]
        result = await run_campaign(hub, ENDLESS, plans=[QUIET], control=control, clock=hub.clock)
        return result.stop_reason

    assert trio.run(main) == "interrupted"


def test_the_ceiling_ends_a_plan_that_hangs() -> None:
    hub = FakeHub()

    async def hang(plan: Plan, hurry: float = 1.0) -> None:
        await trio.sleep_forever()

    hub.execute = hang  # type: ignore[method-assign]

    async def main() -> tuple[str, str]:
        result = await run_campaign(hub, Options(seconds=None, ceiling=60), plans=[QUIET], clock=hub.clock)
        return result.stop_reason, result.why

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == (
        "time",
        "the ceiling of 60 s is reached",
    )


def test_the_ceiling_ends_shrinking_and_keeps_the_file(tmp_path: Path) -> None:
    hub = FakeHub((RACE,), seconds=0.4)
    ran = campaign(hub, [CROWD], Options(seconds=None, ceiling=4), store=FailureStore(tmp_path))
    assert ran.result.stop_reason == "time"
    assert ran.result.totals.seconds < 7
    assert FailureStore(tmp_path).all()[0].failure.fingerprint == of(doubled)


@pytest.mark.parametrize("error", [OSError("connection refused"), ServerUnavailable("it exited with status 3")])
def test_a_server_that_is_gone_ends_it_and_keeps_what_was_found(tmp_path: Path, error: Exception) -> None:
    hub = FakeHub((RACE,))

    def die(hub: FakeHub, plan: Plan) -> None:
        hub.error = error if plan == QUIET else None

    hub.meanwhile = die
    ran = campaign(hub, [TWO_TABS, QUIET, QUIET], store=FailureStore(tmp_path))
    if isinstance(error, ServerUnavailable):
        assert ran.result.why == "it exited with status 3"
    assert ran.result.stop_reason == "server-unavailable"
    assert str(error) in ran.result.why
    assert FailureStore(tmp_path).all()[0].failure == ran.result.failures[0]


def test_any_other_error_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        campaign(FakeHub(error=ZeroDivisionError("a defect of the driver")), [QUIET])


def test_a_server_of_ones_own_is_restarted_and_the_campaign_goes_on() -> None:
    def break_once(hub: FakeHub, plan: Plan) -> None:
        hub.down = hub.down or len(hub.executed) == 2

    ran = campaign(FakeHub(meanwhile=break_once), [QUIET] * 5)
    assert ran.result.stop_reason == "done"
    assert [event.reason for event in ran.told(ServerRestarted)] == ["the server accepted no connection"]
    assert ran.result.totals.restarts == 1


def test_a_server_that_is_not_ours_is_given_up_after_three_plans_without_an_answer() -> None:
    ran = campaign(FakeHub(own=False, down=True), [QUIET] * 9)
    assert ran.result.stop_reason == "server-unavailable"
    assert ran.result.why == "the server accepts no connection any more, and it is not ours to restart"
    assert len(ran.hub.executed) == 3


def test_a_server_that_restarts_do_not_help_is_given_up() -> None:
    def break_it(hub: FakeHub, plan: Plan) -> None:
        hub.down = True

    ran = campaign(FakeHub(meanwhile=break_it), [QUIET] * 9)
    assert ran.result.why == "the server accepts no connection any more, although it was restarted"


# ---- what it is worth ------------------------------------------------------------------------------------------------


def test_a_campaign_that_checked_nothing_says_so() -> None:
    ran = campaign(FakeHub(own=False, down=True), [QUIET, QUIET])
    assert not ran.result.exercised
    assert any("nothing was exercised" in event.text for event in ran.told(Warned))
    assert any("no connection was ever accepted" in event.text for event in ran.told(Warned))


def test_invariants_without_anything_to_check_are_named() -> None:
    ran = campaign(FakeHub(), [QUIET])
    assert ran.result.exercised
    assert "HF101" in ran.result.vacuous  # one tab alone is owed nothing
    assert any("HF101" in event.text for event in ran.told(Warned))


def test_the_exercise_is_that_of_the_exploration_alone() -> None:
    ran = campaign(FakeHub((RACE,)), [TWO_TABS])
    assert ran.result.totals.exercise.ops == {"open": 2}
    assert ran.result.totals.executions == len(ran.hub.executed) > 20


def test_a_store_that_cannot_be_written_is_told_before_the_first_plan(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    hub = FakeHub()
    with pytest.raises(StoreError, match="failures cannot be written there"):
        campaign(hub, [QUIET], store=FailureStore(tmp_path / "file"))
    assert hub.executed == []


def test_a_disk_that_fills_up_ends_nothing(tmp_path: Path) -> None:
    store = FailureStore(tmp_path / "failures")

    def in_the_way(hub: FakeHub, plan: Plan) -> None:
        if not hub.executed[1:]:
            store.folder.rmdir()
            store.folder.write_text("no folder any more")

    ran = campaign(FakeHub((Bug(always, logged),), meanwhile=in_the_way), [QUIET], store=store)
    assert ran.result.failures[0].shrunk
    assert [event.path for event in ran.told(FailureFound)] == [""]
    assert any("cannot be written" in event.text for event in ran.told(Warned))
