"""Executing and judging: the memo, the care for the server, and which errors mean that it is gone."""

from __future__ import annotations

import pytest
import trio
from campaign_fakes import CROWD, QUIET, RACE, TWO_TABS, FakeHub, doubled, of
from histories import H

from fuzzer.campaign import ServerUnavailable
from fuzzer.campaign.trials import Attempt, Record, Trials, damage, unavailable
from fuzzer.history import History
from fuzzer.invariants import judge
from fuzzer.plan import Plan
from fuzzer.target.errors import ServerError
from fuzzer.verdict import Finding, Judgement, Verdict


def trials_of(hub: FakeHub, **more: object) -> Trials:
    return Trials(hub, judge, hub.clock, **more)  # type: ignore[arg-type]


def run(trials: Trials, *plans: Plan, hurry: float = 1.0) -> list[Attempt]:
    async def main() -> list[Attempt]:
        return [await trials.run(plan, hurry) for plan in plans]

    return trio.run(main)


def test_an_attempt_knows_its_time_its_fingerprints_and_its_findings() -> None:
    hub = FakeHub((RACE,), seconds=0.5)
    (attempt,) = run(trials_of(hub), TWO_TABS, hurry=0.5)
    assert attempt.fingerprints == (of(doubled),)
    assert (attempt.seconds, attempt.hurry) == (0.25, 0.5)
    finding = attempt.finding(of(doubled))
    assert finding is not None
    assert finding.code == "HF103"
    assert attempt.finding("HF101-000000") is None


def test_the_memo_is_of_the_very_plan_and_its_hurry() -> None:
    trials = trials_of(FakeHub((RACE,)))
    run(trials, TWO_TABS, TWO_TABS, QUIET)
    run(trials, TWO_TABS, hurry=0.5)
    record = trials.record(TWO_TABS)
    assert (record.runs, record.failed[of(doubled)], record.share(of(doubled))) == (2, 2, 1.0)
    assert trials.record(TWO_TABS, 0.5).runs == 1
    assert trials.record(QUIET).share(of(doubled)) == 0.0
    assert trials.record(CROWD).share(of(doubled)) == 0.0  # never run
    assert trials.executions == 4
    trials.forget()
    assert trials.record(TWO_TABS).runs == 0


def test_executions_in_which_the_invariant_could_not_decide_speak_for_nothing() -> None:
    record = Record()
    unsure = Finding("HF101", "inconclusive", "late", "", "", "")
    other = Finding("HF203", "inconclusive", "late", "", "", "")
    for findings in ((), (unsure,), (unsure, unsure), (other,)):
        verdict = Verdict((Judgement("HF101", 1, findings),))
        record.note(Attempt(QUIET, History((), H().policy, QUIET), verdict, 0.1))
    assert record.runs == 4
    assert record.clean("HF101-aaaaaa") == 2
    assert record.clean("HF203-bbbbbb") == 3


def test_only_and_skip_reach_the_judge() -> None:
    assert run(trials_of(FakeHub((RACE,)), skip=("HF103",)), TWO_TABS)[0].fingerprints == ()
    assert run(trials_of(FakeHub((RACE,)), only=("HF105",)), TWO_TABS)[0].fingerprints == ()


def test_a_hurt_server_is_replaced_before_the_next_plan() -> None:
    said: list[str] = []
    hub = FakeHub(down=True)
    trials = trials_of(hub, on_restart=said.append)
    first, second = run(trials, QUIET, QUIET)
    assert (trials.restarts, said) == (1, ["the server accepted no connection"])
    assert (damage(first), damage(second)) == ("the server accepted no connection", "")


@pytest.mark.parametrize(
    ("history", "why"),
    [
        (H().join("a"), ""),
        (H().join("a").exit(3), "the server ended with status 3"),
        (H().join("a").controls(0.1, ok=False), "the server did not answer the control connections"),
        (H().join("a").controls(0.1, ok=False).controls(0.1), ""),
        (H().open("a").refused("a", 503), "the server accepted no connection"),
    ],
)
def test_what_counts_as_damage(history: H, why: str) -> None:
    written = history.history()
    assert damage(Attempt(QUIET, written, judge(written), 0.1)) == why


def test_a_newcomer_that_is_not_served_is_damage() -> None:
    verdict = Verdict((Judgement("HF501", 1, (Finding("HF501", "violated", "k", "", "", ""),)),))
    attempt = Attempt(QUIET, H().join("a").history(), verdict, 0.1)
    assert damage(attempt) == "the server did not serve a newcomer"


def test_three_plans_without_an_answer_are_the_end_and_one_answer_begins_the_count_anew() -> None:
    hub = FakeHub(own=False, down=True)
    trials = trials_of(hub)
    run(trials, QUIET, QUIET)
    hub.down = False
    run(trials, QUIET)
    hub.down = True
    run(trials, QUIET, QUIET)
    with pytest.raises(ServerUnavailable, match="accepts no connection any more, and it is not ours to restart"):
        run(trials, QUIET)


@pytest.mark.parametrize("error", [OSError("refused"), ServerError("it did not start"), ConnectionResetError()])
def test_errors_that_mean_a_server_that_is_gone(error: Exception) -> None:
    for nested in (error, ExceptionGroup("nursery", [error]), ExceptionGroup("", [ExceptionGroup("", [error])])):
        found = unavailable(nested)
        assert isinstance(found, ServerUnavailable)
        assert str(found) == (str(error) or "ConnectionResetError")


def test_errors_that_mean_a_defect_are_left_as_they_are() -> None:
    for error in (KeyError("x"), ExceptionGroup("nursery", [OSError("gone"), KeyError("x")])):
        assert unavailable(error) is error


def test_an_error_at_a_restart_is_told_too() -> None:
    hub = FakeHub(down=True)

    async def fail() -> bool:
        raise ServerError("it did not start again:\n no port")

    hub.restore = fail  # type: ignore[method-assign]
    with pytest.raises(ServerUnavailable, match=r"^it did not start again: no port$"):
        run(trials_of(hub), QUIET)


def test_every_execution_can_be_cancelled_whatever_the_runner_does() -> None:
    async def main() -> int:
        trials = trials_of(FakeHub())
        with trio.CancelScope() as scope:
            scope.cancel()
            await trials.run(QUIET)
        return trials.executions

    assert trio.run(main) == 0
