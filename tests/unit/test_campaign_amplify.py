"""Making a rare failure frequent: the neighbours of a plan, and how the steadiest is found."""

from __future__ import annotations

import pytest
import trio
from campaign_fakes import CROWD, Bug, FakeHub, doubled, of, steps
from hypothesis import HealthCheck, given, settings

from fuzzer.campaign import Rate
from fuzzer.campaign.amplify import LUCK, Amplified, amplified, by_luck, neighbours, slower
from fuzzer.campaign.symbols import tidy
from fuzzer.campaign.trials import Trials
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Close, Open, Plan, Send
from fuzzer.plan_rules import kind_of, problems
from strategies import Shape, plans

PRINT = of(doubled)
BOTH = (Open("a", "u0"), Open("b", "u0"))
UNLUCKY = steps(BOTH, (Close("a"), Send("b", "m0")))
LUCKY = steps(BOTH, (Send("b", "m0"), Close("a")))


def sends_before_close(plan: Plan) -> bool:
    """The order that a live list needs."""
    kinds = [kind_of(op) for batch in plan.batches[-2:] for op in batch.ops]
    return kinds[-2:] == ["send", "close"]


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(Shape(rooms=True)))
def test_neighbours_are_valid_different_and_have_the_same_ops(plan: Plan) -> None:
    found = list(neighbours(plan))
    assert tidy(plan) not in found
    assert len(found) == len({str(other) for other in found})
    for other in found:
        assert problems(other) == ()
        assert other.size() <= tidy(plan).size()  # an op that came too early fell away


def test_neighbours_of_a_pair() -> None:
    found = list(neighbours(UNLUCKY, conns={"a"}))
    assert LUCKY in found
    assert Plan((Batch(BOTH), Batch((Send("b", "m0"),)), Batch((Close("a"),), "1ms"))) in found
    assert Plan((Batch(BOTH), Batch((Close("a"),)), Batch((Send("b", "m0"),), "1ms"))) in found


def test_batches_in_turn_change_places_and_meet() -> None:
    found = list(neighbours(steps(BOTH, Close("a"), Send("b", "m0"))))
    assert Plan((Batch(BOTH), Batch((Send("b", "m0"),)), Batch((Close("a"),), "1ms"))) in found
    assert Plan((Batch(BOTH), Batch((Close("a"),)), Batch((Send("b", "m0"),), "1ms"))) in found


def test_suspected_batches_come_first() -> None:
    plan = steps(BOTH, (Close("a"), Send("b", "m0")))
    slow, first, *_ = neighbours(plan, first={1})
    assert (slow, first) == (tidy(slower(plan)), LUCKY)
    assert next(iter(neighbours(plan))) != LUCKY


def look(hub: FakeHub, known: Amplified, until: float = float("inf")) -> Amplified:
    trials = Trials(hub, judge, hub.clock)

    async def main() -> Amplified:
        return await amplified(trials, PRINT, known, neighbours(known.plan), 1.0, until)

    return trio.run(main)


@pytest.mark.parametrize("seed", range(5))
def test_the_lucky_order_is_found_by_a_few_runs(seed: int) -> None:
    hub = FakeHub((Bug(sends_before_close, doubled, p=0.9),), seed=seed)
    found = look(hub, Amplified(UNLUCKY, Rate(1, 20)))
    assert sends_before_close(found.plan)
    assert found.rate.share >= 0.5
    assert found.witness is not None
    assert found.witness.plan == found.plan
    assert len(hub.executed) < 70


def test_without_a_better_neighbour_the_known_plan_stays() -> None:
    known = Amplified(CROWD, Rate(2, 10))
    assert look(FakeHub(), known) is known


def test_a_little_better_is_not_worth_it() -> None:
    """A lucky streak of a neighbour that is no better must not replace what is known."""
    known = Amplified(UNLUCKY, Rate(6, 10))
    assert look(FakeHub((Bug(lambda plan: True, doubled, p=0.1),), seed=2), known) is known


def test_a_lucky_streak_is_told_from_a_steady_failure() -> None:
    assert by_luck(Rate(10, 10), Rate(3, 10)) < LUCK
    assert by_luck(Rate(4, 7), Rate(1, 20)) < LUCK
    assert by_luck(Rate(1, 1), Rate(0, 20)) > LUCK
    assert by_luck(Rate(5, 5), Rate(3, 10)) > LUCK
    assert by_luck(Rate(10, 10), Rate(8, 10)) > LUCK
    assert by_luck(Rate(0, 5), Rate(0, 0)) == pytest.approx(1)


def test_it_ends_with_its_time() -> None:
    hub = FakeHub(seconds=1)
    known = Amplified(UNLUCKY, Rate(1, 10))
    assert look(hub, known, hub.clock.now + 2) is known
    assert len(hub.executed) == 2
