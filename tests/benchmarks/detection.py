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
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import trio

from fuzzer.driver.session import open_session
from fuzzer.hub.bugs import BUGS
from fuzzer.hub.target import embedded_target
from fuzzer.invariants import judge
from fuzzer.values import Value
from tests.benchmarks.contenders import CONTENDERS, Contender
from tests.benchmarks.detection_report import report


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


def read_trials(path: Path) -> list[Trial]:
    """What is known already."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Trial) for line in lines if line.strip()]


def still_to_do(options: argparse.Namespace) -> Iterator[tuple[str, Contender, int]]:
    """Bug by bug within seed by seed, contenders taking turns: so that a part of the run is a fair sample, too."""
    done = {(trial.bug, trial.contender, trial.seed) for trial in read_trials(options.out)}
    for seed in range(options.trials):
        for bug in options.bug or BUGS:
            for name in options.contender or CONTENDERS:
                if (bug, name, seed) not in done:
                    yield bug, CONTENDERS[name], seed


def run(options: argparse.Namespace) -> int:
    """All trials that are missing in the file, each written when it ends."""
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for bug, contender, seed in still_to_do(options):
        trial = trio.run(attempt, bug, contender, seed, options.seconds)
        with options.out.open("ab") as file:
            file.write(msgspec.json.encode(trial) + b"\n")
        told = f"found in {trial.seconds:.1f} s, {trial.plans} plans ({trial.code})" if trial.found else "not found"
        print(f"{bug} {contender.name} {seed}: {told}", file=sys.stderr, flush=True)
    return 0


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.detection", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run the trials that are missing")
    running.add_argument("--bug", choices=list(BUGS), action="append")
    running.add_argument("--contender", choices=list(CONTENDERS), action="append")
    running.add_argument("--trials", type=int, default=10)
    running.add_argument("--seconds", type=float, default=20.0, help="budget of one trial")
    running.add_argument("--out", type=Path, default=Path(".hubfuzz/detection.ndjson"))
    telling = commands.add_parser("report", help="tables and plot from the file")
    telling.add_argument("file", type=Path)
    telling.add_argument("--plot", type=Path)
    telling.add_argument("--write", type=Path, help="the README to write the tables into")
    options = parser.parse_args()
    if options.command == "run":
        return run(options)
    return report(read_trials(options.file), options.plot, options.write, cores=os.cpu_count() or 1)


if __name__ == "__main__":
    sys.exit(main())
