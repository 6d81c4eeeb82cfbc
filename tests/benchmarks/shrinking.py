"""How small does each seeded bug get, how long does that take, and how often does the result fail again?

    python -m tests.benchmarks.shrinking run --trials 3 --out results.ndjson
    python -m tests.benchmarks.shrinking report results.ndjson [--write README.md]

A trial is a campaign as ``hubfuzz run`` has it, until the first failure of the bug's family is shrunk. An interrupted
``run`` goes on where it ended. The table holds each median against the least plan that is known.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import msgspec
import trio

from fuzzer.api import named_plans
from fuzzer.campaign import CampaignEvent, Failure, FailureFound, Options, Rate, run_campaign
from fuzzer.campaign.sure import SURE
from fuzzer.driver.session import open_session
from fuzzer.hub.bugs import BUGS
from fuzzer.hub.target import embedded_target
from fuzzer.values import Value
from strategies.draw import draw_plans
from strategies.shape import shape_of_target
from tests.benchmarks.detection_report import median
from tests.benchmarks.tables import table, write_between_markers
from tests.benchmarks.trial_files import keep, parsers, read_trials

MOST_OVER = 2  # ops above the least plan that are tolerable


class Shrinking(Value):
    """One campaign. ``found``: seconds to the first failure of the family, None if there was none in ``budget``."""

    bug: str
    seed: int
    budget: float
    found: float | None
    least: int
    code: str = ""
    drawn: int = 0
    ops: int = 0
    seconds: float = 0.0
    executions: int = 0
    rate: Rate = Rate(0, 0)

    @property
    def over(self) -> int:
        """Ops above the least plan."""
        return max(0, self.ops - self.least)


class FirstFind:
    """When the first failure was found, in seconds."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self.seconds: float | None = None

    def __call__(self, event: CampaignEvent) -> None:
        if isinstance(event, FailureFound) and self.seconds is None:
            self.seconds = time.monotonic() - self._begin


async def attempt(bug: str, seed: int, budget: float) -> Shrinking:
    """One campaign, until a failure of the bug's family is shrunk or the budget is spent."""
    target = embedded_target(bug)
    plans = draw_plans(shape_of_target(target), seed)
    options = Options(seconds=budget, seed=seed, max_failures=1, only=BUGS[bug].family)
    async with open_session(target) as session:
        first = FirstFind()
        result = await run_campaign(session, options, plans=plans, scenarios=named_plans(target), emit=first)
    nothing = Shrinking(bug, seed, budget, first.seconds, BUGS[bug].least.size())
    return filled(nothing, result.failures[0]) if result.failures else nothing


def filled(trial: Shrinking, failure: Failure) -> Shrinking:
    """The trial with what became of its failure."""
    return msgspec.structs.replace(
        trial,
        code=failure.code,
        drawn=failure.original.size(),
        ops=failure.plan.size(),
        seconds=failure.shrink_seconds,
        executions=failure.executions,
        rate=failure.rate or Rate(0, 0),
    )


def still_to_do(options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Bug by bug within seed by seed: a part of the run is a fair sample, too."""
    done = {(trial.bug, trial.seed) for trial in read_trials(options.out, Shrinking)}
    trials = ((bug, seed) for seed in range(options.trials) for bug in options.bug or BUGS)
    return (trial for trial in trials if trial not in done)


def run(options: argparse.Namespace) -> int:
    """All trials that are missing in the file, each written when it ends."""
    for bug, seed in still_to_do(options):
        trial = trio.run(attempt, bug, seed, options.seconds)
        keep(options.out, trial, f"{bug} {seed}: {told(trial)}")
    return 0


def told(trial: Shrinking) -> str:
    """One trial in a line."""
    if not trial.code:
        return "not found"
    size = f"{trial.drawn} ops shrunk to {trial.ops}, least {trial.least}"
    return f"{trial.code} after {trial.found or 0:.1f} s, {size}, in {trial.seconds:.1f} s, fails {trial.rate}"


def report(trials: Sequence[Shrinking], readme: Path | None) -> int:
    """Print, and write where asked; 2 if there is nothing to tell."""
    done = [trial for trial in trials if trial.code]
    if not done:
        print("no trial in this file found anything")
        return 2
    text = f"{summary(trials, done)}\n\n{by_bug(done)}"
    print(text)
    if readme is not None:
        write_between_markers(readme, "shrinking", text)
    return 0


def summary(trials: Sequence[Shrinking], done: Sequence[Shrinking]) -> str:
    """The figures over all bugs in two lines."""
    count = len(done)
    least, far = sum(not t.over for t in done), sum(t.over > MOST_OVER for t in done)
    sure = sum(t.rate.share >= SURE for t in done)
    return (
        f"{len(trials)} campaigns, {count} with a failure. Shrunk to the least known plan: {least} of {count};\n"
        f"more than {MOST_OVER} ops over: {far}. Failing in at least nine of ten replays (20; at least 3 where each\n"
        f"takes long): {sure} of {count}. "
        f"Shrinking took {median([t.seconds for t in done]):.1f} s in the median."
    )


def by_bug(done: Sequence[Shrinking]) -> str:
    """A row for each bug: medians."""
    ordered = sorted(done, key=lambda trial: (list(BUGS).index(trial.bug), trial.seed))
    rows = [_row(bug, list(mine)) for bug, mine in groupby(ordered, key=lambda trial: trial.bug)]
    return table(["bug", "campaigns", "found after s", "drawn ops", "shrunk ops", "least", "s", "replays failed"], rows)


def _row(bug: str, mine: list[Shrinking]) -> list[str]:
    rate = sorted(mine, key=lambda trial: trial.rate.share)[len(mine) // 2].rate
    middle = [median([getattr(trial, name) for trial in mine]) for name in ("drawn", "ops", "least")]
    found, took = (median([getattr(trial, name) or 0.0 for trial in mine]) for name in ("found", "seconds"))
    return [bug, str(len(mine)), f"{found:.1f}", *map(str, middle), f"{took:.1f}", str(rate)]


def main() -> int:
    """Command line."""
    parser, running, _ = parsers("shrinking", __doc__, list(BUGS))
    running.add_argument("--trials", type=int, default=3)
    running.add_argument("--seconds", type=float, default=300.0, help="budget of one campaign for finding it")
    options = parser.parse_args()
    return run(options) if options.command == "run" else report(read_trials(options.file, Shrinking), options.write)


if __name__ == "__main__":
    sys.exit(main())
