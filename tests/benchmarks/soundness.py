"""Does hubfuzz accuse a correct hub? Thousands of plans against each, none of which may convict.

``python -m tests.benchmarks.soundness [--plans 5000] [--hub NAME] [--burn] [--pause] [--latency] [--write README.md]``
prints a Markdown table and exits 1 if there was any violation; the histories that convict are written, and can be
judged again by ``hubfuzz check``. With ``--keep FILE`` it goes on where it was interrupted, and with ``--minutes`` it
ends in time. With ``--unsound NAME`` a judge that is wrong on purpose takes part, and must accuse.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import trio

from fuzzer.history import History, history_to_json
from fuzzer.invariants import judge
from fuzzer.target import Target
from fuzzer.target.process import Server
from fuzzer.verdict import Verdict
from tests.benchmarks import soundness_shares
from tests.benchmarks.conditions import Pauses, behind_slow_wire, busy_cores, keep_back
from tests.benchmarks.runs import Run, run_plans
from tests.benchmarks.soundness_tables import report, report_unsound, section
from tests.benchmarks.tables import write_between_markers
from tests.benchmarks.unsound import UNSOUND
from tests.targets.correct_hubs import HUBS, Unavailable

TELL_EVERY = 500
VIOLATIONS, USELESS = 1, 2


class Keeper:
    """Writes the histories that convict, and says so at once."""

    def __init__(self, folder: Path, hub: str) -> None:
        self.files: list[Path] = []
        self._folder = folder
        self._hub = hub

    def __call__(self, history: History, verdict: Verdict) -> None:
        finding = verdict.violations[0]
        path = self._folder / f"{self._hub}-{finding.fingerprint}-{len(self.files)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(history_to_json(history))
        self.files.append(path)
        tell(f"{self._hub}: VIOLATION {finding.code} {finding.summary}: {path}")


def tell(line: str) -> None:
    """To the terminal, at once; the table alone goes to standard output."""
    print(line, file=sys.stderr, flush=True)


class Disturbance:
    """What happens to a server while it is fuzzed, as the options say."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.pauses = Pauses(options.seed)

    async def __call__(self, server: Server) -> None:
        async with trio.open_nursery() as nursery:
            if self.options.burn:
                nursery.start_soon(keep_back, server)
            if self.options.pause:
                nursery.start_soon(self.pauses.disturb, server)


def fuzz(hub: str, target: Target, options: argparse.Namespace, keeper: Keeper) -> Run:
    """All plans against one hub."""

    def enough(run: Run) -> bool:
        if run.plans and run.plans % TELL_EVERY == 0:
            tell(f"{hub}: {run.plans} plans, {run.seconds:.0f} s")
        return run.plans >= int(options.plans) or time.time() > options.until_time

    wanted = behind_slow_wire(target) if options.latency else target
    return trio.run(partial(run_plans, meanwhile=Disturbance(options)), wanted, options.seed, enough, keeper)


def fuzz_named(hub: str, options: argparse.Namespace) -> tuple[Run, list[Path]] | str:
    """The run and the histories that convict, or why there is none."""
    try:
        target = HUBS[hub]()
    except Unavailable as why:
        tell(f"SKIPPED: {why}")
        return str(why)
    keeper = Keeper(options.out, hub)
    return fuzz(hub, target, options, keeper), keeper.files


class Broken(str):
    """Why nothing came of a job, where something should have."""


Job = tuple[str, argparse.Namespace]
Outcome = tuple[Run, list[Path]] | str


def attempt(hub: str, options: argparse.Namespace) -> Outcome:
    """One job, if there is time for it; that it broke is told, and the others go on."""
    if time.time() > options.until_time:
        return Run(), []
    try:
        return fuzz_named(hub, options)
    except Exception as error:
        why = Broken(f"{hub}, seed {options.seed}: {type(error).__name__}: {error}")
        tell(f"BROKEN: {why}\n{''.join(traceback.format_exception(error))}")
        return why


def fuzz_each(work: Sequence[Job], jobs: int) -> Iterator[tuple[Job, Outcome]]:
    """What came of each, as soon as it did. A pool outlives us if we are killed, so there is none for one job."""
    if jobs == 1:
        yield from ((job, attempt(*job)) for job in work)
        return
    with ProcessPoolExecutor(jobs) as pool:
        under_way = {pool.submit(attempt, *job): job for job in work}
        yield from ((under_way[done], done.result()) for done in as_completed(under_way))


def fuzz_all(options: argparse.Namespace) -> int:
    """Every hub, ``--jobs`` at a time; 1 if any was accused."""
    hubs = options.hub or list(HUBS)
    with busy_cores(options.burn):
        found = {hub: some for (hub, _), some in fuzz_each([(hub, options) for hub in hubs], options.jobs)}
    runs = {hub: some for hub in hubs if not isinstance(some := found[hub], str)}
    skipped = [some for some in found.values() if isinstance(some, str)]
    text = report(options, {hub: run for hub, (run, _) in runs.items()}, skipped)
    publish(options, text)
    files = [path for _, some in runs.values() for path in some]
    if files:
        print("\nviolations, one history each:", *map(str, files), sep="\n")
    return exit_code(bool(files), any(run.plans for run, _ in runs.values()), skipped)


def exit_code(accused: bool, fuzzed: bool, skipped: Iterable[str]) -> int:
    """1 if a correct hub was accused, 2 if none was fuzzed or a job broke."""
    broken = any(isinstance(why, Broken) for why in skipped)
    return VIOLATIONS if accused else 0 if fuzzed and not broken else USELESS


def fuzz_shares(options: argparse.Namespace) -> int:
    """What is missing of ``--plans`` for each hub, share by share; the table is of all that is kept."""
    files: list[Path] = []
    skipped: dict[str, str] = {}
    with busy_cores(options.burn):
        for (hub, one), some in fuzz_each(list(soundness_shares.missing(options, options.hub or HUBS)), options.jobs):
            if isinstance(some, str):
                skipped[hub] = some
                continue
            if some[0].plans:
                soundness_shares.write(hub, one, some[0])
            files += some[1]
    sums = soundness_shares.sums(options)
    runs = {hub: sums[hub] for hub in HUBS if hub in sums}
    if runs:
        text = report(options, runs, list(skipped.values()))
        publish(options, f"{text}\n\n{soundness_shares.origin(options)}")
    accused = bool(files) or any(run.violations for run in runs.values())
    return exit_code(accused, bool(runs), skipped.values())


def publish(options: argparse.Namespace, text: str) -> None:
    """Print it, and put it where it belongs."""
    print(text)
    if options.write:
        write_between_markers(options.write, section(options), text)


# ---- judges that are wrong on purpose --------------------------------------------------------------------------------


class Both:
    """Asks a wrong judge, and the right one on the same histories."""

    def __init__(self, wrong: Callable[[History], Verdict]) -> None:
        self.wrong = wrong
        self.accused = 0
        self.rightly: list[str] = []

    def __call__(self, history: History) -> Verdict:
        right = judge(history)
        self.rightly += [finding.code for finding in right.violations]
        verdict = self.wrong(history)
        self.accused += bool(verdict.violations)
        return verdict


def fuzz_wrongly(name: str, options: argparse.Namespace) -> tuple[int, int, list[str]]:
    """Plans, how many of them a wrong judge convicted, and what the right judge said of the same."""
    unsound, both, plans = UNSOUND[name], None, int(options.plans)
    both = Both(unsound.judge)
    paused = argparse.Namespace(**{**vars(options), "pause": unsound.pause})
    work = partial(run_plans, judge=both, meanwhile=Disturbance(paused))

    def enough(run: Run) -> bool:
        return run.plans >= plans or both.accused >= options.until

    run = trio.run(work, unsound.target(), options.seed, enough)
    return run.plans, both.accused, both.rightly


def fuzz_all_wrongly(options: argparse.Namespace) -> int:
    """1, as there must be violations; 2 if some wrong judge accused nobody, 1 also if the right one did."""
    found = {name: fuzz_wrongly(name, options) for name in options.unsound}
    publish(options, report_unsound(options, found))
    return VIOLATIONS if all(accused for _, accused, _ in found.values()) else USELESS


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soundness", description=__doc__)
    parser.add_argument("--plans", type=int, default=5000, help="for each hub (paused or slow, some hundreds will do)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hub", choices=list(HUBS), action="append", help="only this one (may be repeated)")
    parser.add_argument("--burn", action="store_true", help="keep all cores busy at a higher priority meanwhile")
    parser.add_argument("--pause", action="store_true", help="stop the server now and then, for up to 3 s")
    parser.add_argument("--latency", action="store_true", help="delay all bytes of all connections by about 50 ms")
    parser.add_argument(
        "--unsound", choices=list(UNSOUND), action="append", help="with this wrong judge, which accuses"
    )
    parser.add_argument("--until", type=int, default=10**9, help="accusations by a wrong judge that are enough")
    parser.add_argument("--jobs", type=int, default=1, help="hubs at a time (worth it where most time is waiting)")
    parser.add_argument("--out", type=Path, default=Path(".hubfuzz/soundness"), help="where convicting histories go")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="run in shares, and keep each in FILE")
    parser.add_argument("--share", type=int, default=soundness_shares.SIZE, help="plans of a share, with --keep")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end then with what there is")
    parser.add_argument("--write", type=Path, metavar="README.md", help="write between this table's markers")
    options = parser.parse_args(arguments)
    options.until_time = time.time() + 60 * options.minutes
    options.said = list(arguments if arguments is not None else sys.argv[1:])
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, print the table; 1 if any hub was accused, 2 if nothing was found out."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    options = parse(arguments)
    if options.unsound:
        return fuzz_all_wrongly(options)
    return fuzz_shares(options) if options.keep else fuzz_all(options)


if __name__ == "__main__":
    sys.exit(main())
