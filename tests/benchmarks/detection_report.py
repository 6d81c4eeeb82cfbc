"""Tables and a plot from trials: medians with censoring, Mann-Whitney's U, Vargha and Delaney's A12."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.tables import table, write_between_markers

if TYPE_CHECKING:
    from tests.benchmarks.detection import Trial

REFERENCE = "hubfuzz"
UNFOUND = float("inf")
SECOND_TIER = {f"S{n:02}" for n in (8, 9, 16, 22, 34, 37, 38, 39)}  # needs a probe, a narrow race, or much time
# shown by the order of operations alone, whatever their timing
ORDER_ONLY = {f"S{n:02}" for n in (3, 4, 5, 7, 9, 10, 11, 13, 14, 17, 19, 20, 24, 27, 28, 29, 31, 32, 33, 37)}
FIRST_TIER_WITHIN = 60.0
ORDER_WITHIN = 5.0
MOMENTS = (0.5, 1.0, 1.5, 2.0, 5.0, 10.0)


def times(trials: Iterable[Trial]) -> list[float]:
    """Seconds to the first violation; infinite where the budget ended first."""
    return [trial.seconds if trial.found else UNFOUND for trial in trials]


def median(values: Sequence[float]) -> float:
    """The middle one (the upper of two): with censored values an average would be none."""
    return sorted(values)[len(values) // 2]


def a12(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The chance that a trial of ours is the faster one; ties, and pairs that both found nothing, count half."""
    wins = sum((x < y) + 0.5 * (x == y) for x in ours for y in theirs)
    return wins / (len(ours) * len(theirs))


def p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Mann-Whitney's U, two-sided, with ties."""
    from scipy.stats import mannwhitneyu

    finite = [value for value in (*ours, *theirs) if value != UNFOUND]
    if not finite:
        return 1.0
    last = max(finite) + 1.0  # a rank test only wants to know that it is the largest
    return float(mannwhitneyu([min(x, last) for x in ours], [min(y, last) for y in theirs]).pvalue)


def within(trials: Iterable[Trial], horizon: float) -> list[Trial]:
    """The trials as if all had had this budget: what was found later is unfound."""
    return [_cut(trial, horizon) for trial in trials]


def _cut(trial: Trial, horizon: float) -> Trial:
    """A plan that began within the budget may have ended after it."""
    horizon = min(horizon, trial.budget)
    spent = min(trial.seconds, horizon)
    return msgspec.structs.replace(trial, budget=horizon, found=trial.found and trial.seconds <= horizon, seconds=spent)


def goals(trials: Iterable[Trial]) -> str:
    """What hubfuzz itself is held to: every bug, the first tier in every trial, order bugs at once."""
    mine = {bug: groups[REFERENCE] for bug, groups in sorted(grouped(trials).items()) if groups[REFERENCE]}
    ever = [bug for bug, group in mine.items() if any(trial.found for trial in group)]
    first = {bug: group for bug, group in mine.items() if bug not in SECOND_TIER}
    always = [bug for bug, group in first.items() if max(times(group)) <= FIRST_TIER_WITHIN]
    order = [bug for bug in mine if bug in ORDER_ONLY]
    soon = [bug for bug in order if median(times(mine[bug])) <= ORDER_WITHIN]
    return (
        f"hubfuzz: {_of(ever, mine)} found at all; {_of(always, first)} of the first tier within "
        f"{FIRST_TIER_WITHIN:g} s in every trial;\n{_of(soon, order)} that need only an order within "
        f"{ORDER_WITHIN:g} s in the median."
    )


def _of(good: Sequence[str], everyone: Iterable[str]) -> str:
    everyone = list(everyone)
    missing = [bug for bug in everyone if bug not in good]
    return f"{len(good)} of {len(everyone)} bugs" + (f" (not {', '.join(missing)})" if missing else "")


def grouped(trials: Iterable[Trial]) -> dict[str, dict[str, list[Trial]]]:
    """By bug, then by contender."""
    groups: dict[str, dict[str, list[Trial]]] = defaultdict(lambda: defaultdict(list))
    for trial in trials:
        groups[trial.bug][trial.contender].append(trial)
    return groups


def cell(trials: Sequence[Trial]) -> str:
    """``1.2 s 10/10``: the median, and how many trials found it."""
    if not trials:
        return ""
    middle = median(times(trials))
    found = sum(trial.found for trial in trials)
    shown = f"> {trials[0].budget:g}" if middle == UNFOUND else f"{middle:.1f}"
    return f"{shown} ({found}/{len(trials)})"


def by_bug(trials: Sequence[Trial]) -> str:
    """A row for each bug: median seconds and found trials of every contender."""
    names = [name for name in CONTENDERS if any(trial.contender == name for trial in trials)]
    rows = [[bug, *(cell(mine[name]) for name in names)] for bug, mine in sorted(grouped(trials).items())]
    return table(["bug", *names], rows)


def compared(trials: Sequence[Trial]) -> str:
    """A row for each contender: bugs found, and hubfuzz against it over all bugs."""
    groups = grouped(trials)
    rows = []
    for name, contender in CONTENDERS.items():
        pairs = [(mine[REFERENCE], mine[name]) for mine in groups.values() if mine[name] and mine[REFERENCE]]
        if pairs:
            rows.append([contender.title, *_comparison(name, pairs)])
    head = [
        "contender",
        "bugs ever found",
        "trials found",
        "mean A12 of hubfuzz",
        "bugs where hubfuzz is faster, p < 0.05",
    ]
    return table([*head, "slower, p < 0.05"], rows)


def _comparison(name: str, pairs: Sequence[tuple[list[Trial], list[Trial]]]) -> list[str]:
    theirs = [trials for _, trials in pairs]
    ever = sum(any(trial.found for trial in trials) for trials in theirs)
    found, total = sum(t.found for trials in theirs for t in trials), sum(map(len, theirs))
    share = f"{100 * found / total:.0f}%"
    if name == REFERENCE:
        return [f"{ever}/{len(pairs)}", share, "", "", ""]
    effects = [a12(times(ours), times(other)) for ours, other in pairs]
    sure = [p_value(times(ours), times(other)) < 0.05 for ours, other in pairs]
    faster = sum(certain and effect > 0.5 for certain, effect in zip(sure, effects, strict=True))
    slower = sum(certain and effect < 0.5 for certain, effect in zip(sure, effects, strict=True))
    return [f"{ever}/{len(pairs)}", share, f"{sum(effects) / len(effects):.2f}", str(faster), str(slower)]


def over_time(trials: Sequence[Trial]) -> str:
    """A row for each contender: of how many bugs a trial had found the violation after so many seconds, in the mean."""
    bugs = len({trial.bug for trial in trials})
    rows = []
    for name, contender in CONTENDERS.items():
        mine = [trial for trial in trials if trial.contender == name]
        found = [sum(trial.found and trial.seconds <= most for trial in mine) for most in MOMENTS]
        if mine:
            rows.append([contender.title, *(f"{bugs * count / len(mine):.1f}" for count in found)])
    return table([f"bugs found of {bugs}, in the mean", *(f"after {most:g} s" for most in MOMENTS)], rows)


def plot(trials: Sequence[Trial], path: Path) -> None:
    """Bugs found against time: for each contender the mean share of trials that had found theirs by then."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    budget = max(trial.budget for trial in trials)
    bugs = len({trial.bug for trial in trials})
    for name, contender in CONTENDERS.items():
        mine = [trial for trial in trials if trial.contender == name]
        if mine:
            found = sorted(trial.seconds for trial in mine if trial.found)
            steps = [bugs * (number + 1) / len(mine) for number in range(len(found))]
            axes.step(
                [0.1, *found, budget], [0, *steps, steps[-1] if steps else 0], where="post", label=contender.title
            )
    axes.set(xscale="log", xlim=(0.1, budget), ylim=(0, bugs), xlabel="seconds", ylabel=f"bugs found (of {bugs})")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def report(trials: Sequence[Trial], picture: Path | None, readme: Path | None, section: str = "detection") -> int:
    """Print, and write where asked; 2 if there is nothing to tell."""
    if not trials:
        print("no trials in this file")
        return 2
    trials = within(trials, UNFOUND)
    horizon = min(trial.budget for trial in trials)
    alike = within(trials, horizon)
    several = len({trial.contender for trial in trials}) > 1
    together = [f"All of them within the same {horizon:g} s:", compared(alike), over_time(alike)] if several else []
    reached = [goals(trials)] if any(trial.contender == REFERENCE for trial in trials) else []
    each = f"<details><summary>Each bug</summary>\n\n{by_bug(trials)}\n\n</details>"
    text = "\n\n".join([_note(trials), *reached, *together, each])
    print(text)
    if picture is not None:
        plot(alike, picture)
        text += f"\n\n![bugs found against time]({picture})"
    if readme is not None:
        write_between_markers(readme, section, text)
    return 0


def _note(trials: Sequence[Trial]) -> str:
    counts = {len(mine) for contenders in grouped(trials).values() for mine in contenders.values() if mine}
    each = str(max(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
    return (
        f"{len(trials)} trials, {each} for each bug and contender, {os.cpu_count()} cores. Median seconds to the\n"
        "first violation (> budget where most found none), and in how many trials there was one."
    )
