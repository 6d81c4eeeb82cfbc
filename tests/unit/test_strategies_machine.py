"""HubMachine as pytest users meet it: pure generation, guarded teardown, rules of their own."""

from __future__ import annotations

from random import Random
from statistics import median
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, assume, find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from fuzzer.plan import Batch, Close, Open, Plan, Send
from fuzzer.plan_rules import problems
from fuzzer.policy import Limit, Policy
from fuzzer.values import Value
from strategies import HubMachine, Shape, draw_plans, plans, racing_pairs, shape_of, shape_of_target
from strategies.draft import Draft
from strategies.machine import STEPS
from strategies.shape import DEFAULT_FRAME
from strategies.users import untouched

QUIET = settings(
    max_examples=40,
    database=None,
    deadline=None,
    derandomize=True,
    stateful_step_count=STEPS,
    suppress_health_check=list(HealthCheck),
)


class Kept(HubMachine):
    """Keeps what it would have run."""

    shape = Shape(limit=2, rooms=True)
    plans: ClassVar[list[Plan]] = []

    def finish(self, plan: Plan) -> None:
        type(self).plans.append(plan)


def plans_of(machine: type[Kept], how: settings = QUIET) -> list[Plan]:
    machine.plans = []
    run_state_machine_as_test(machine, settings=how)
    return machine.plans


def test_every_finished_plan_is_sensible() -> None:
    plans = plans_of(Kept)
    assert len(plans) >= 40
    assert all(problems(plan) == () and plan.size() for plan in plans)


def test_also_with_many_more_steps_than_it_needs() -> None:
    plans = plans_of(Kept, settings(QUIET, max_examples=5, stateful_step_count=50))
    assert all(len(plan.batches) <= 25 for plan in plans)


def test_the_runner_gets_each_plan() -> None:
    ran: list[Plan] = []

    class Run(HubMachine):
        runner = ran.append

    run_state_machine_as_test(Run, settings=QUIET)
    assert len(ran) >= 40


def test_without_a_runner_the_plan_is_kept() -> None:
    machine = HubMachine()
    machine.finish(Plan(batches=()))
    assert machine.last_plan == Plan(batches=())


def test_discarded_test_cases_are_not_run() -> None:
    class Picky(Kept):
        done: ClassVar[int] = 0

        @rule(fits=st.booleans())
        def refuse(self, fits: bool) -> None:
            assume(fits)

        def teardown(self) -> None:
            super().teardown()
            type(self).done += 1

    plans = plans_of(Picky)
    assert Picky.done > len(plans)  # teardown is called for discarded ones too


def test_a_failing_rule_is_not_hidden_by_running_its_plan() -> None:
    class Broken(Kept):
        @rule()
        def fail_now(self) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        plans_of(Broken, settings(QUIET, phases=(Phase.generate,)))


def test_a_failing_run_is_reported_and_shrunk() -> None:
    class Failing(Kept):
        def finish(self, plan: Plan) -> None:
            if any(isinstance(op, Close) for op in plan.ops()):
                type(self).plans.append(plan)
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        plans_of(Failing, settings(QUIET, max_examples=200, phases=(Phase.generate, Phase.shrink)))
    sizes = [plan.size() for plan in Failing.plans]  # the last one is the shrunk one, run again to be reported
    assert sizes[-1] <= sorted(sizes)[len(sizes) // 4]
    assert "Batch(ops=" in "".join(caught.value.__notes__)  # steps are printed as the batches they add


def test_own_rules_may_add_ops_anywhere_and_never_make_a_senseless_plan() -> None:
    class Own(Kept):
        @initialize()
        def first(self) -> None:
            self.add(Open(conn="mine", user="u9"))

        @rule()
        def speak(self) -> None:
            self.add(Send(conn="mine", msg=self.draft.new("m")))

        @rule()
        def go(self) -> None:
            self.add(Close(conn="mine"), after="turn")

        @rule()
        def talk_to_nobody(self) -> None:
            self.add(Send(conn="nobody", msg=self.draft.new("m")))

    plans = plans_of(Own, settings(QUIET, max_examples=80))
    assert all(problems(plan) == () for plan in plans)
    mine = [
        (type(op), batch.after) for plan in plans for batch in plan.batches for op in batch.ops if op.conn == "mine"
    ]
    assert {kind for kind, _ in mine} >= {Open, Send, Close}
    assert (Close, "turn") in mine
    assert "nobody" not in {op.conn for plan in plans for op in plan.ops()}


def test_add_joins_the_last_batch_if_it_can() -> None:
    machine = HubMachine()
    machine.add(Open(conn="a", user="u0"))
    machine.add(Open(conn="b", user="u0"))
    machine.add(Send(conn="a", msg="m0"))
    machine.add(Send(conn="b", msg="m1"), after="1ms")
    assert machine.plan().batches == (
        Batch(ops=(Open(conn="a", user="u0"), Open(conn="b", user="u0"))),
        Batch(ops=(Send(conn="a", msg="m0", size=1),)),  # no smaller than a hub surely takes
        Batch(ops=(Send(conn="b", msg="m1", size=1),), after="1ms"),
    )


def test_the_test_case_works_and_has_fitting_settings() -> None:
    assert Kept.TestCase.settings.stateful_step_count == STEPS
    assert Kept.TestCase.settings.deadline is None
    Kept.plans = []
    case = Kept.TestCase()
    case.settings = QUIET
    case.runTest()
    assert Kept.plans


class Hub(Value):
    policy: Policy
    has_rooms: bool = True
    has_sessions: bool = False
    has_tokens: bool = True


def test_the_shape_comes_from_the_target() -> None:
    hub = Hub(policy=Policy(limit=Limit(max=4, over="evict-oldest"), sessions="takeover", max_size=9_000))

    class Targeted(HubMachine):
        target = hub

    shape = Targeted().draft.shape
    assert shape == shape_of_target(hub) == shape_of(hub.policy, True, False, True)
    assert (shape.limit, shape.over, shape.rooms, shape.takeover, shape.max_size) == (
        4,
        "evict-oldest",
        True,
        True,
        9_000,
    )
    assert shape.tokens == ("valid", *Policy().refuse_tokens)


def test_a_limit_that_all_share_leaves_the_others_less() -> None:
    shape = shape_of(Policy(limit=Limit(max=5, over="evict-oldest", scope="global")), False, False, False)
    assert (shape.limit, shape.shared) == (3, True)
    draft = Draft(shape=shape)
    draft.append(Batch(ops=(Open("a", "u0"), Open("b", "u1"))))
    assert (draft.holding("u0"), draft.room_for("u0"), draft.room_for("u2")) == (2, 2, 1)
    draft.append(Batch(ops=(Open("c", "u2"), Open("d", "u2"))))
    assert [tab.name for tab in draft.live()] == ["b", "c", "d"]  # the oldest, whosever it is, had to go
    assert Draft(shape=Shape(limit=3)).room_for("u0") == 3


def test_shapes_of_other_policies() -> None:
    plain = shape_of(Policy(), rooms=False, sessions=False, tokens=False)
    assert plain == Shape()
    assert plain.max_size == DEFAULT_FRAME
    assert shape_of(Policy(refuse_tokens=("expired",)), False, False, True).tokens == ("valid", "expired")


def test_names_are_those_that_the_hub_keeps_apart() -> None:
    shape = shape_of(Policy(names="plain"), rooms=False, sessions=False, tokens=False)
    names = {name for plan in draw_plans(shape, 7, 300) for name in plan.names.values()}
    assert names
    assert untouched(*names)
    folding = {name for plan in draw_plans(Shape(), 7, 300) for name in plan.names.values()}
    assert not untouched(*folding)


def test_floods_fill_the_buffers_or_are_not_drawn() -> None:
    size, count = Shape(stall_bytes=6_000_000).flood() or (0, 0)
    assert size * count >= 6_000_000
    assert size <= Shape().largest()
    small = Shape(max_size=10_000).flood() or (0, 0)
    assert small[0] <= 10_000 - 1_024
    assert small[0] * small[1] >= 6_000_000
    assert Shape(max_size=2_000).flood() is None
    assert Shape(max_size=100).flood() is None


def test_hard_fills_get_less_room_in_a_frame() -> None:
    shape = Shape(max_size=10_000)
    assert shape.largest("ascii") > shape.largest("escapes") >= shape.largest("unicode") > 0
    assert Shape(max_size=10).largest("ascii") == 0


@settings(QUIET, max_examples=60)
@given(plans(Shape(limit=2, rooms=True, sessions=True)))
def test_plans_without_a_machine_are_sensible(plan: Plan) -> None:
    assert problems(plan) == ()
    assert plan.size()


@pytest.mark.timeout(300)  # 15 seconds of work, on a machine that may have other work
def test_plans_shrink_to_little_more_than_what_is_looked_for() -> None:
    races = settings(QUIET, max_examples=2_000)
    # One in six ends in a local minimum, and seed 0 is one of them: 12 operations after 36 seconds.
    seeds = map(Random, range(2, 5))
    found = [find(plans(), lambda p: "send|drop" in racing_pairs(p), settings=races, random=seed) for seed in seeds]
    assert median(plan.size() for plan in found) <= 8
    assert median(plan.schedule_seed for plan in found) == 0
    assert median(len(plan.names) for plan in found) == 0
