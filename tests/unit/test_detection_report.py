"""The statistics of the detection benchmark, on trials made by hand."""

from __future__ import annotations

from pathlib import Path
from random import Random

import msgspec
import pytest

from fuzzer.plan import Plan
from fuzzer.plan_rules import problems
from strategies.shape import Shape
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.detection import Trial
from tests.benchmarks.detection_report import UNFOUND, a12, by_bug, goals, median, over_time, report, times, within


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


def test_contenders_with_longer_budgets_are_compared_within_the_shortest() -> None:
    late, soon, never = trial(15.0), trial(5.0, seed=1), trial(20.0, False, seed=2)
    cut = within([late, soon, never], 10.0)
    assert [(t.found, t.seconds) for t in cut] == [(False, 10.0), (True, 5.0), (False, 10.0)]
    assert {t.budget for t in cut} == {10.0}
    assert within([soon], 20.0) == [soon]
    assert not within([trial(20.5)], 30.0)[0].found, "its plan ended after the budget"


def test_bugs_found_by_a_moment_are_counted_in_the_mean() -> None:
    ours = [trial(0.7), trial(1.8, seed=1), trial(20.0, False, seed=2)]
    theirs = [msgspec.structs.replace(trial(0.4, contender="fixed"), bug="S03"), trial(3.0, contender="fixed")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in over_time([*ours, *theirs]).splitlines()]
    assert rows[0] == ["bugs found of 2, in the mean", *(f"after {n:g} s" for n in (0.5, 1, 1.5, 2, 5, 10))]
    assert rows[2] == ["hubfuzz", "0.0", "0.7", "0.7", "1.3", "1.3", "1.3"]
    assert rows[3][1:] == ["1.0", "1.0", "1.0", "1.0", "2.0", "2.0"]


def test_the_goals_are_counted_and_who_misses_them_is_named() -> None:
    trials = [
        *(msgspec.structs.replace(trial(4.0, seed=seed), bug="S03") for seed in range(3)),
        *(msgspec.structs.replace(trial(9.0, seed=seed), bug="S04") for seed in range(3)),
        msgspec.structs.replace(trial(70.0), bug="S21", budget=300.0),
        msgspec.structs.replace(trial(300.0, False), bug="S39", budget=300.0),
    ]
    assert goals(trials) == (
        "hubfuzz: 3 of 4 bugs (not S39) found at all; "
        "2 of 3 bugs (not S21) of the first tier within 60 s in every trial;\n"
        "1 of 2 bugs (not S04) that need only an order within 5 s in the median."
    )


def test_the_report_goes_between_its_markers_and_nothing_is_told_of_nothing(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("<!-- detection:begin -->\n<!-- detection:end -->\n")
    assert report([trial(3.0), trial(6.0, seed=1)], None, readme) == 0
    assert "2 trials, 2 for each bug and contender" in readme.read_text()
    assert "within the same" not in readme.read_text(), "there is nobody to compare with"
    assert report([], None, None) == 2


def test_several_contenders_are_compared(tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="it is of the extra bench")
    readme = tmp_path / "README.md"
    readme.write_text("<!-- here:begin -->\n<!-- here:end -->\n")
    mixed = [trial(3.0), trial(6.0, seed=1), trial(9.0, contender="fixed")]
    assert report(mixed, None, readme, "here") == 0
    assert "3 trials, 1 to 2 for each bug and contender" in readme.read_text()
    assert "within the same 20 s" in readme.read_text()
    assert "three tests of fixed order" in readme.read_text()
    assert "1 of 1 bugs found at all" in readme.read_text(), "with its own budget, whatever that of the others"


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
