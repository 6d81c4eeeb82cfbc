"""Fills the file of ``soundness`` until each hub has so many plans: evenly, in many sessions side by side.

``python -m tests.benchmarks.fill --goal 20000 --latency --minutes 120 --seed 9900 [--processes 4 --sessions 16]``
Behind a slow wire a plan waits for seconds and works for a tenth of one, so that two cores are kept busy by some sixty
sessions. With a process for each, much of the time goes into changing from one to the other.
So some sessions share a process, plans are drawn in another (dozens at once, which would hold all of them up), and all
run under SCHED_BATCH, which lets each finish its turn. A share is what a session did in ``--share-minutes``.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import trio

from fuzzer.plan import Plan
from strategies.draw import draw_share
from strategies.shape import Shape
from tests.benchmarks import soundness, soundness_shares
from tests.benchmarks.conditions import behind_slow_wire, busy_cores
from tests.benchmarks.runs import run_plans
from tests.benchmarks.soundness import Broken, Job, Keeper, Outcome, tell
from tests.benchmarks.soundness_shares import Share
from tests.benchmarks.trial_files import read_trials
from tests.targets.correct_hubs import HUBS, Unavailable

RESULTS = Path(__file__).parent / "results" / "soundness.ndjson"
GUESS = 0.25  # plans a second, of a hub of which nothing is known


class Artist:
    """Draws plans in a process of its own."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    async def __call__(self, shape: Shape, seed: int) -> AsyncGenerator[Plan, None]:
        """The plans that ``draw_plans`` would give."""
        for number in itertools.count():
            drawing = self._pool.submit(draw_share, shape, seed, number)
            for plan in await trio.to_thread.run_sync(drawing.result):
                yield plan


async def fuzz(job: Job, artist: Artist, outcomes: list[tuple[Job, Outcome]]) -> None:
    """One session until its time is over; that it broke is told, and the others go on."""
    hub, options = job
    keeper = Keeper(options.out, hub)
    target = behind_slow_wire(HUBS[hub]()) if options.latency else HUBS[hub]()
    work = partial(run_plans, meanwhile=soundness.Disturbance(options), plans_of=artist)
    try:
        run = await work(target, options.seed, lambda _: time.time() > options.until_time, keeper)
        outcomes.append((job, (run, keeper.files)))
    except Exception as error:
        tell(f"BROKEN: {hub}, seed {options.seed}\n{''.join(traceback.format_exception(error))}")
        outcomes.append((job, Broken(f"{hub}, seed {options.seed}: {error}")))


def side_by_side(jobs: list[Job]) -> list[tuple[Job, Outcome]]:
    """All of these in one loop."""
    outcomes: list[tuple[Job, Outcome]] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for job in jobs:
                nursery.start_soon(fuzz, job, artist, outcomes)

    finish_turns()
    collect_seldom()
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # this process will have threads
        artist = Artist(pool)
        trio.run(main)
    return outcomes


def finish_turns() -> None:
    """Whoever wakes up waits until the one that runs has done its work; servers and wires inherit it."""
    if hasattr(os, "SCHED_BATCH"):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def collect_seldom() -> None:
    """What was imported is never garbage, and what a plan leaves is gone without the collector but for a little."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


class Ledger:
    """How many plans each hub has, and will have when what is under way has come."""

    def __init__(self, options: argparse.Namespace, hubs: Sequence[str]) -> None:
        condition = soundness_shares.condition(options)
        known = [share for share in read_trials(options.keep, Share) if share.condition == condition]
        self._options = options
        self._rates = {share.hub: share.plans / share.seconds for share in known if share.seconds}
        self._seeds = {(share.hub, share.seed) for share in known}
        self.plans = Counter(dict.fromkeys(hubs, 0))
        self.plans.update({hub: n for hub, n in _sums(known).items() if hub in hubs})
        self._expected = Counter(self.plans)

    def next_job(self, seconds: float) -> Job | None:
        """One more session for the hub that has the least; None if all have enough."""
        hub, least = min(self._expected.items(), key=lambda item: item[1])
        if least >= self._options.goal:
            return None
        seed = next(n for n in itertools.count(self._options.seed) if (hub, n) not in self._seeds)
        self._seeds.add((hub, seed))
        expected = max(1, round(self._rates.get(hub, GUESS) * seconds))
        self._expected[hub] += expected
        of_its_own = {"seed": seed, "seconds": seconds, "expected": expected, "until_time": time.time() + seconds}
        return hub, argparse.Namespace(**{**vars(self._options), **of_its_own})

    def add(self, job: Job, plans: int) -> None:
        """What has come in place of what was expected."""
        hub, options = job
        self.plans[hub] += plans
        self._expected[hub] += plans - options.expected
        self._rates[hub] = max(plans, 1) / options.seconds


def _sums(shares: Sequence[Share]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for share in shares:
        sums[share.hub] += share.plans
    return sums


def available(hubs: Sequence[str]) -> list[str]:
    """Those that can be had here."""
    found = []
    for hub in hubs:
        try:
            HUBS[hub]()
            found.append(hub)
        except Unavailable as why:
            tell(f"SKIPPED: {why}")
    return found


def bundle(ledger: Ledger, options: argparse.Namespace) -> list[Job]:
    """What one process does next; nothing if the time is over or all hubs have enough."""
    seconds = min(60 * options.share_minutes, options.until_time - time.time())
    if seconds <= 0:
        return []
    jobs = (ledger.next_job(seconds) for _ in range(options.sessions))
    return [job for job in jobs if job is not None]


class Found:
    """What has come of all bundles so far."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.plans = 0
        self.files: list[Path] = []
        self.broken: list[str] = []

    def add(self, job: Job, outcome: Outcome) -> None:
        """Keep one share."""
        if isinstance(outcome, str):
            self.broken.append(outcome)
            return
        run, files = outcome
        self.ledger.add(job, run.plans)
        self.plans += run.plans
        self.files += files
        if run.plans:
            soundness_shares.write(*job, run)


def fill(options: argparse.Namespace) -> int:
    """1 if any hub was accused, 2 if nothing was fuzzed or something broke."""
    found = Found(Ledger(options, available(options.hub or list(HUBS))))
    under_way: set[Future[list[tuple[Job, Outcome]]]] = set()
    with busy_cores(options.burn), ProcessPoolExecutor(options.processes) as pool:
        while True:
            while len(under_way) < options.processes and (jobs := bundle(found.ledger, options)):
                under_way.add(pool.submit(side_by_side, jobs))
            if not under_way:
                break
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for job, outcome in itertools.chain.from_iterable(future.result() for future in done):
                found.add(job, outcome)
    print(f"{found.plans} plans; now", *(f"{hub} {number}" for hub, number in found.ledger.plans.items()), sep="\n")
    return soundness.exit_code(bool(found.files), bool(found.plans), found.broken)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fill", description=__doc__)
    parser.add_argument("--goal", type=int, default=20_000, help="plans of each hub, those in the file included")
    parser.add_argument("--seed", type=int, required=True, help="seeds from here on that no share has yet")
    parser.add_argument("--hub", choices=list(HUBS), action="append", help="only this one (may be repeated)")
    for condition in ("burn", "pause", "latency"):
        parser.add_argument(f"--{condition}", action="store_true", help="as soundness has it")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sessions", type=int, default=8, help="of each process, side by side")
    parser.add_argument("--share-minutes", type=float, default=10.0)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end then")
    parser.add_argument("--keep", type=Path, default=RESULTS, metavar="FILE", help="where the shares are and go")
    parser.add_argument("--out", type=Path, default=Path(".hubfuzz/soundness"), help="where convicting histories go")
    options = parser.parse_args(arguments)
    options.until_time = time.time() + 60 * options.minutes
    return options


if __name__ == "__main__":
    sys.exit(fill(parse(None)))
