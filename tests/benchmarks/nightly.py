"""A night as a job has it: killed in the middle, started again, and in the end each seeded bug is one failure.

    python -m tests.benchmarks.nightly --seconds 1200

Two workers fuzz the embedded hub with several seeded bugs. ``--seconds`` is the budget of the whole night, shrinking,
the kill and the second start included. Prints a line for each check, then figures; exits with 1 if a check fails.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.store import FailureStore
from fuzzer.hub.bugs.combine import seeded
from tests.benchmarks.nightly_checks import Check, checks_of_reports

ROOT = Path(__file__).parents[2]
HUBFUZZ = (sys.executable, "-c", "from fuzzer.cli import main; main()")
ENDING = 15.0  # seconds in which nothing of a killed run may be left
LOOK_EVERY = 1.0
SHRINKING = 60.0  # seconds of the ceiling, or half of it, for what is found last
SHARE_OF_MOST = 1.5  # by which memory may differ between the second quarter and the end


class Night:
    """``hubfuzz run`` in a folder, twice. ``memory``: when, in seconds, and how many bytes all its processes had."""

    def __init__(self, folder: Path, bugs: str, workers: int, budget: float) -> None:
        self.folder, self.bugs, self.workers = folder, bugs, workers
        self.begin = time.monotonic()
        self.end = self.begin + budget
        self.memory: list[tuple[float, int]] = []

    @property
    def left(self) -> float:
        """Seconds of the budget."""
        return self.end - time.monotonic()

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """The command of a nightly job, with what is left of the budget."""
        ceiling = self.left - 5  # for starting, and for writing the reports
        budget = ("--seconds", f"{ceiling - min(SHRINKING, ceiling / 2):.1f}", "--ceiling", f"{ceiling:.1f}")
        words = ("run", "--bug", self.bugs, "--workers", str(self.workers), *budget)
        reports = ("--report", "json,junit,html,md", "--failures", ".hubfuzz/failures", "--known", "known.json")
        with (self.folder / f"{name}.txt").open("wb") as out:
            return subprocess.Popen(
                (*HUBFUZZ, *words, *reports),
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), "CI": "true"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def watch(self, process: subprocess.Popen[bytes], until: float) -> None:
        """Look at its memory until then, or until it ends."""
        while process.poll() is None and time.monotonic() < until:
            self.memory.append((time.monotonic() - self.begin, memory_of(process.pid)))
            time.sleep(LOOK_EVERY)

    def stored(self) -> list[Failure]:
        """The failures in the folder that count."""
        return [s.failure for s in FailureStore(self.folder / ".hubfuzz/failures").all() if not s.failure.same_as]


def memory_of(pid: int) -> int:
    """Bytes of hubfuzz and its workers; not of the hubs that they have started."""
    try:
        process = psutil.Process(pid)
        return sum(p.memory_info().rss for p in (process, *process.children()))
    except psutil.Error:
        return 0


def killed(night: Night) -> tuple[int, list[psutil.Process]]:
    """The first half. How many failures are stored when it is killed, and the processes that are left of it."""
    process = night.start("first")
    night.watch(process, night.begin + (night.end - night.begin) / 2)
    everybody = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stored = len(night.stored())
    _, left = psutil.wait_procs(everybody, timeout=ENDING)
    for one in left:
        one.kill()
    return stored, left


def checks(night: Night) -> Iterator[Check]:
    """All that must be so."""
    before, left = killed(night)
    yield Check("the kill leaves no process", not left, f"{len(left)} left" if left else "")
    yield Check("what was found is on disk when it is killed", before > 0, f"{before} failures")
    process = night.start("second")
    night.watch(process, night.end + ENDING)
    over = process.poll() is None
    if over:
        process.kill()
    code = process.wait()
    took = time.monotonic() - night.begin
    yield Check("the night ends within its budget", not over and night.left >= 0, f"{took:.1f} s")
    yield Check("it ends with the exit code of failures", code == 1, f"exit code {code}")
    said = (night.folder / "second.txt").read_text()
    again = said.count("of an earlier run still fails")
    yield Check("it begins with the failures of the first half", again >= before, f"{again} found again")
    families = [seeded(bug).family for bug in night.bugs.split(",")]
    yield from checks_of_reports(night.folder, night.stored(), families)
    yield _flat(night.memory)


def _flat(memory: list[tuple[float, int]]) -> Check:
    seen = [size for _, size in memory if size]
    quarter = len(seen) // 4
    early, late = max(seen[quarter : 2 * quarter], default=0), max(seen[-quarter:], default=0)
    said = f"{early / 1e6:.0f} MB at most in the second quarter, {late / 1e6:.0f} MB in the last"
    return Check("memory stays flat", late <= early * SHARE_OF_MOST, said)


def main() -> int:
    """One night; 1 if a check fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1200.0, help="the budget of the whole night")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--bugs", default="S03,S10,S15", help="seeded bugs that do not hide one another")
    parser.add_argument("--folder", type=Path, help="where to work, and to leave everything; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hubfuzz-night-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        night = Night(folder, options.bugs, options.workers, options.seconds)
        results = []
        for check in checks(night):
            results.append(check.good)
            print(check, flush=True)
        print((folder / "second.txt").read_text().rpartition(" SUMMARY ")[2])
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
