"""``HubMachine`` with a target: plans are executed, races do not look flaky, and one session serves them all."""

from __future__ import annotations

import dataclasses
import threading
import unittest
from collections.abc import Iterator
from typing import ClassVar

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from fuzzer import HubFailure, Plan, Policy, ServerError, Vacuous, judge, machine_runner, plan_runner
from fuzzer.campaign.trials import Attempt, Trials
from fuzzer.history import OpenInv
from fuzzer.hub.target import embedded_target
from fuzzer.hub_failure import failure_class
from fuzzer.plan import Batch, Open, Send
from strategies import HubMachine
from strategies.machine import STEPS

GOOD = embedded_target()
BAD = embedded_target("S15")
RACE = Plan((Batch((Open("a", "u0"), Open("b", "u0"))),))
ALONE = Plan((Batch((Open("a", "u0"),)), Batch((Send("a", "m0"),))))
SHORT = settings(
    max_examples=15,
    database=None,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    stateful_step_count=STEPS,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def sessions_end() -> Iterator[None]:
    """Without the plugin, whose work this is, every test ends its own; then nothing is left."""
    yield
    plan_runner.close_all()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("hubfuzz")] == []


def test_a_machine_with_a_target_is_green_on_a_correct_hub() -> None:
    class Good(HubMachine):
        target = GOOD

    run_state_machine_as_test(Good, settings=SHORT)


def test_a_machine_finds_a_seeded_bug_shrinks_it_and_shows_it_with_its_lanes() -> None:
    class Race(HubMachine):
        target = BAD
        runner = machine_runner(BAD, shrink_seconds=4)

    with pytest.raises(failure_class("HF201")) as caught:
        run_state_machine_as_test(Race, settings=SHORT)
    (failure,) = caught.value.failures
    assert failure.plan.size() <= 4
    assert failure.original.size() >= failure.plan.size()
    for word in ("But a, b all had joined", "open u0", "hubfuzz explain HF201", "as drawn, it failed again in "):
        assert word in str(caught.value)


def test_rules_and_invariants_of_ones_own_take_part() -> None:
    class Own(HubMachine):
        target = GOOD
        seen: ClassVar[list[Plan]] = []

        @rule()
        def one_greets(self) -> None:
            tab = self.draft.new("")
            self.add(Open(conn=tab, user="me"))
            self.add(Send(conn=tab, msg=self.draft.new("m")))

        @invariant()
        def is_not_endless(self) -> None:
            assert self.plan().size() < 500

        def finish(self, plan: Plan) -> None:
            super().finish(plan)
            self.seen.append(plan)

    run_state_machine_as_test(Own, settings=SHORT)
    assert any("me" in plan.users() for plan in Own.seen)


def test_the_test_case_ends_its_session_without_pytest() -> None:
    class Good(HubMachine):
        target = GOOD

    Good.TestCase.settings = settings(SHORT, max_examples=3)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Good.TestCase).run(result)
    assert result.wasSuccessful()
    assert result.testsRun == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hubfuzz")]


def test_one_session_serves_all_plans_and_a_closed_runner_begins_anew() -> None:
    runner = machine_runner(GOOD)
    runner(RACE)
    first = [thread.name for thread in threading.enumerate() if thread.name.startswith("hubfuzz")]
    runner(ALONE)
    assert len(first) == 1
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("hubfuzz")] == first
    runner.close()
    runner(ALONE)
    runner.close()


def test_a_plan_that_failed_once_fails_for_good_and_one_that_passed_passes() -> None:
    """So that Hypothesis, which runs what it found again, never calls a race flaky."""
    runner = machine_runner(BAD)
    runner(ALONE)
    texts = []
    for _ in range(3):
        with pytest.raises(HubFailure) as caught:
            runner(RACE)
        texts.append(str(caught.value))
    assert len(set(texts)) == 1
    runner(ALONE)


def test_after_the_time_for_shrinking_nothing_else_is_executed() -> None:
    runner = machine_runner(BAD, shrink_seconds=0)
    with pytest.raises(HubFailure):
        runner(RACE)
    runner(msgspec.structs.replace(RACE, schedule_seed=1))  # would fail too
    with pytest.raises(HubFailure):
        runner(RACE)


def test_a_server_that_does_not_come_is_tried_once() -> None:
    runner = machine_runner(msgspec.structs.replace(GOOD, start=("nonsense",)))
    errors = []
    for plan in (RACE, ALONE):
        with pytest.raises(ServerError, match="command not found: 'nonsense'") as caught:
            runner(plan)
        errors.append(caught.value)
    assert errors[0] is errors[1]


BESIDE = Plan((Batch((Open("a", "u0", token="none"),)), Batch((Send("a", "m0"),))))


def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub refuses who has no token; told here as if it had refused who has a good one."""
    run = Trials.run

    async def without_tokens(self: Trials, plan: Plan, hurry: float = 1.0) -> Attempt:
        attempt = await run(self, plan, hurry)
        events = tuple(
            msgspec.structs.replace(event, token="valid") if isinstance(event, OpenInv) else event
            for event in attempt.history.events
        )
        history = msgspec.structs.replace(attempt.history, events=events)
        return dataclasses.replace(attempt, history=history, verdict=judge(history))

    monkeypatch.setattr(Trials, "run", without_tokens)


def test_plans_that_exercised_nothing_are_no_pass_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch)
    runner = machine_runner(GOOD)
    runner(BESIDE)
    with pytest.raises(Vacuous, match="no connection was ever opened, so this proves nothing"):
        runner.end()
    runner.end()  # nothing was done since
    runner(BESIDE)
    with pytest.raises(Vacuous):
        plan_runner.close_all()
    runner(BESIDE)
    runner(ALONE)
    runner.end()


def test_the_test_case_fails_at_its_end_if_nothing_was_exercised(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing(HubMachine):
        target = GOOD

        def plan(self) -> Plan:
            return BESIDE

    refusing(monkeypatch)
    Nothing.TestCase.settings = settings(SHORT, max_examples=3)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Nothing.TestCase).run(result)
    ((_, text),) = result.errors
    assert "Vacuous: embedded hub: no connection was ever opened" in text


def test_a_target_that_only_gives_the_shape_is_not_executed() -> None:
    class Shaped(msgspec.Struct):
        policy: Policy = Policy()
        has_rooms: bool = False
        has_sessions: bool = False
        has_tokens: bool = False

    class Drawing(HubMachine):
        target = Shaped()

    machine = Drawing()
    machine.finish(RACE)
    assert machine.last_plan == RACE
