"""Does hubfuzz accuse a correct hub? Thousands of plans against each, none of which may convict.

``python -m tests.benchmarks.soundness [--plans 5000] [--burn] [--hub NAME]`` prints a Markdown table and exits 1 if
there was any violation; the histories that convict are written, and can be judged again by ``hubfuzz check``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import trio

from fuzzer.history import History, history_to_json
from fuzzer.hub.target import embedded_target
from fuzzer.target import Target, load_target
from fuzzer.verdict import Verdict
from tests.benchmarks.processes import started
from tests.benchmarks.runs import Run, run_plans
from tests.benchmarks.tables import table

TARGETS = Path(__file__).parents[1] / "targets"
HUBS: dict[str, Callable[[], Target]] = {
    "embedded": embedded_target,
    "fastapi": partial(load_target, TARGETS / "fastapi.toml"),
    "websockets": partial(load_target, TARGETS / "websockets.toml"),
}
# Ends by itself when the benchmark is killed and cannot end it.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"
TELL_EVERY = 500


@contextmanager
def busy_cores(wanted: bool) -> Iterator[None]:
    """Keep every core busy with processes of the same priority, meanwhile."""
    with ExitStack() as stack:
        for _ in range((os.cpu_count() or 1) if wanted else 0):
            stack.enter_context(started("-c", BUSY))
        yield


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
        print(f"{self._hub}: VIOLATION {finding.code} {finding.summary}: {path}", file=sys.stderr, flush=True)


def fuzz(hub: str, options: argparse.Namespace) -> tuple[Run, list[Path]]:
    """All plans against one hub."""
    keeper = Keeper(options.out, hub)

    def enough(run: Run) -> bool:
        if run.plans and run.plans % TELL_EVERY == 0:
            print(f"{hub}: {run.plans} plans, {run.seconds:.0f} s", file=sys.stderr, flush=True)
        return run.plans >= int(options.plans)

    run = trio.run(run_plans, HUBS[hub](), options.seed, enough, keeper)
    return run, keeper.files


def row(hub: str, run: Run) -> list[str]:
    """One line of the table."""
    return [
        hub,
        f"{run.plans:,}",
        f"{run.ops:,}",
        f"{run.seconds:.0f}",
        f"{sum(run.obligations.values()):,}",
        ", ".join(run.unchecked) or "none",
        counted(run.inconclusive),
        counted(run.violations),
    ]


def counted(findings: dict[str, int]) -> str:
    """The sum, and by code."""
    codes = ", ".join(f"{code} {number}" for code, number in sorted(findings.items()))
    return f"{sum(findings.values())}" + (f" ({codes})" if codes else "")


HEAD = ["hub", "plans", "ops", "seconds", "obligations", "never checked", "inconclusive", "violations"]


def main() -> int:
    """Fuzz, print the table; 1 if any hub was accused."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soundness", description=__doc__)
    parser.add_argument("--plans", type=int, default=5000, help="for each hub")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hub", choices=list(HUBS), action="append", help="only this one (may be repeated)")
    parser.add_argument("--burn", action="store_true", help="keep all cores busy meanwhile")
    parser.add_argument("--out", type=Path, default=Path(".hubfuzz/soundness"), help="where convicting histories go")
    options = parser.parse_args()
    with busy_cores(options.burn):
        runs = {hub: fuzz(hub, options) for hub in options.hub or HUBS}
    print(table(HEAD, [row(hub, run) for hub, (run, _) in runs.items()]))
    files = [str(path) for _, some in runs.values() for path in some]
    if files:
        print("\nviolations, one history each:", *files, sep="\n")
    return 1 if files else 0


if __name__ == "__main__":
    sys.exit(main())
