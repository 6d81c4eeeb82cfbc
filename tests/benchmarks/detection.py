"""Who finds which seeded bug, and how soon? Trials with seeds, censored where the budget ended first.

    python -m tests.benchmarks.detection run --trials 10 --seconds 20 --out results.ndjson
    python -m tests.benchmarks.detection report results.ndjson [--plot docs/detection.svg] [--write README.md]

Trials of all contenders take turns, so that a noisy hour hurts all of them alike; an interrupted ``run`` goes on
where it ended. ``report`` compares each contender with hubfuzz by Mann-Whitney's U (two-sided) and Vargha and
Delaney's A12 (the chance that hubfuzz is the faster; ties count half) on seconds to the first violation; an unfound
trial counts as slower than every found one (Arcuri and Briand, ICSE 2011; Klees et al., CCS 2018). Needs the extra
``bench``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import trio

from fuzzer.driver.session import open_session
from fuzzer.hub.bugs import BUGS
from fuzzer.hub.target import embedded_target
from fuzzer.invariants import judge
from fuzzer.values import Value
from tests.benchmarks.contenders import CONTENDERS, Contender
from tests.benchmarks.detection_report import report
from tests.benchmarks.trial_files import keep, parsers, read_trials


class Trial(Value):
    """One contender against one bug. ``seconds`` and ``plans`` up to the first violation, or all that was spent."""

    bug: str
    contender: str
    seed: int
    budget: float
    found: bool
    seconds: float
    plans: int
    code: str = ""


async def attempt(bug: str, contender: Contender, seed: int, budget: float) -> Trial:
    """Run plans until one is convicted by an invariant of the bug's family, or the budget is spent."""
    target = embedded_target(bug)
    plans = contender.all_plans(target, seed)
    async with open_session(target, contender.session) as session:
        begin, number = time.monotonic(), 0
        while (spent := time.monotonic() - begin) < budget:
            history = await session.execute(next(plans))
            number += 1
            codes = [finding.code for finding in judge(history).violations]
            guilty = next((code for code in codes if code in BUGS[bug].family), None)
            if guilty is not None:
                return Trial(bug, contender.name, seed, budget, True, time.monotonic() - begin, number, guilty)
            if session.server.exit_status() is not None:
                await session.restore()
    return Trial(bug, contender.name, seed, budget, False, spent, number)


def still_to_do(options: argparse.Namespace) -> Iterator[tuple[str, Contender, int]]:
    """Bug by bug within seed by seed, contenders taking turns: so that a part of the run is a fair sample, too."""
    done = {(trial.bug, trial.contender, trial.seed) for trial in read_trials(options.out, Trial)}
    for seed in range(options.trials):
        for bug in options.bug or BUGS:
            for name in options.contender or CONTENDERS:
                if (bug, name, seed) not in done:
                    yield bug, CONTENDERS[name], seed


def run(options: argparse.Namespace) -> int:
    """All trials that are missing in the file, each written when it ends."""
    for bug, contender, seed in still_to_do(options):
        trial = trio.run(attempt, bug, contender, seed, options.seconds)
        told = f"found in {trial.seconds:.1f} s, {trial.plans} plans ({trial.code})" if trial.found else "not found"
        keep(options.out, trial, f"{bug} {contender.name} {seed}: {told}")
    return 0


def main() -> int:
    """Command line."""
    parser, running, telling = parsers("detection", __doc__, list(BUGS))
    running.add_argument("--contender", choices=list(CONTENDERS), action="append")
    running.add_argument("--trials", type=int, default=10)
    running.add_argument("--seconds", type=float, default=20.0, help="budget of one trial")
    telling.add_argument("--plot", type=Path)
    telling.add_argument("--section", default="detection", help="between which markers --write writes")
    options = parser.parse_args()
    if options.command == "run":
        return run(options)
    return report(read_trials(options.file, Trial), options.plot, options.write, options.section)


if __name__ == "__main__":
    sys.exit(main())
