"""The statistics of the detection benchmark, on trials made by hand."""

from __future__ import annotations

from random import Random

import pytest

from fuzzer.plan import Plan
from fuzzer.plan_rules import problems
from strategies.shape import Shape
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.detection import Trial
from tests.benchmarks.detection_report import UNFOUND, a12, by_bug, median, times


def trial(seconds: float, found: bool = True, contender: str = "hubfuzz", seed: int = 0) -> Trial:
    return Trial("S15", contender, seed, 20.0, found, seconds, 3)


def test_an_unfound_trial_is_slower_than_every_found_one() -> None:
    ours, theirs = times([trial(19.0)]), times([trial(20.0, found=False)])
    assert theirs == [UNFOUND]
    assert a12(ours, theirs) == 1.0
    assert a12(theirs, ours) == 0.0


def test_pairs_that_both_found_nothing_prove_nothing() -> None:
    assert a12([UNFOUND], [UNFOUND]) == 0.5


def test_the_median_of_mostly_unfound_trials_is_no_number() -> None:
    assert median([1.0, UNFOUND, UNFOUND]) == UNFOUND
    assert "> 20 (1/3)" in by_bug([trial(1.0), trial(20.0, False, seed=1), trial(20.0, False, seed=2)])


def test_a12_is_antisymmetric() -> None:
    rng = Random(1)
    for _ in range(50):
        one, other = ([rng.choice([1.0, 2.0, 3.0, UNFOUND]) for _ in range(5)] for _ in range(2))
        assert a12(one, other) + a12(other, one) == pytest.approx(1.0)


@pytest.mark.parametrize("name", CONTENDERS)
def test_every_contender_makes_plans_that_can_be_executed_and_repeats_them(name: str) -> None:
    shape = Shape(limit=2, sessions=True, rooms=True)
    plans = [next_plans(name, shape) for _ in range(2)]
    assert plans[0] == plans[1]
    for plan in plans[0]:
        assert not problems(plan)
        assert plan.size() >= 3


def next_plans(name: str, shape: Shape) -> list[Plan]:
    source = CONTENDERS[name].plans(shape, 7)
    return [next(source) for _ in range(6)]
