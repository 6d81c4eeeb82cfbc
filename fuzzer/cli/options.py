"""What ``hubfuzz run`` can be asked for, in one value, checked before anything is touched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fuzzer.cli.errors import CliError
from fuzzer.cli.names import invariant_code
from fuzzer.report.files import KINDS
from fuzzer.report.glyphs import shown
from fuzzer.target.model import MOST_WORKERS, Target
from fuzzer.values import is_utf8

LEAST_FOR_SHRINKING = 300.0  # seconds on top of those of the exploration
SHARE_FOR_SHRINKING = 0.2
MOST_SEED = (1 << 63) - 1  # what can be passed on to a worker
LONG = 60.0  # seconds of exploring: in less, starting several workers costs more than they bring


@dataclass(frozen=True)
class RunOptions:
    """Times are in seconds; ``None`` means no bound, or not given."""

    target: Path | None
    url: str | None
    allow_host: tuple[str, ...]
    bug: str | None
    scenario: tuple[str, ...]
    seconds: float | None
    plans: int | None
    seed: int | None
    max_failures: int | None
    shrink_seconds: float
    invariant: tuple[str, ...]
    skip: tuple[str, ...]
    report: str | None
    report_dir: Path
    failures: Path
    dry_run: bool
    verbose: bool
    workers: str | None = None
    ceiling: float | None = None
    known: Path | None = None
    prune: bool = False

    def check(self) -> None:
        """Raises ``CliError`` for the first name that means nothing, before any server is started."""
        for option, folder in (("--failures", self.failures), ("--report-dir", self.report_dir)):
            if not is_utf8(str(folder)):  # JSON files name the others, and can hold no such name
                raise CliError(f"{option}: {shown(str(folder))} is no UTF-8 name")
        self.scenario_names()
        self.codes(self.invariant, "--invariant")
        self.codes(self.skip, "--skip")
        self.kinds_of_report()
        self.number_of_workers()
        if (self.seed or 0) > MOST_SEED:
            raise CliError(f"--seed: found {shown(str(self.seed), 40)}, expected at most {MOST_SEED}")

    def workers_for(self, target: Target) -> int:
        """As many as were asked for; else, in a long run, as many as the target allows. Raises ``CliError``."""
        if self.workers is None:
            return target.workers if self.plans is None and (self.budget or 0) >= LONG and not self.scenario else 1
        return self.number_of_workers()

    def number_of_workers(self) -> int:
        """``auto`` is one for each processor that we may use, nothing is one; raises ``CliError``."""
        if self.workers is None:
            return 1
        if self.workers == "auto":
            return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        digits = self.workers.lstrip("0") if self.workers.isascii() and self.workers.isdigit() else ""
        if not (digits and len(digits) <= len(str(MOST_WORKERS)) and int(digits) <= MOST_WORKERS):
            found = repr(shown(self.workers, 40))
            raise CliError(f"--workers: found {found}, expected a number from 1 to {MOST_WORKERS}, or auto")
        return int(digits)

    def kinds_of_report(self) -> tuple[str, ...]:
        """Kinds of report; raises ``CliError`` for one that there is not."""
        return kinds_of_report(self.report)

    @property
    def budget(self) -> float | None:
        """Seconds of exploration: 30, unless a number of plans was asked for instead."""
        return 30.0 if self.seconds is None and self.plans is None else self.seconds

    @property
    def end(self) -> float | None:
        """Seconds after which everything ends, shrinking included: a night with many failures must end, too."""
        if self.ceiling is not None or self.budget is None or (self.scenario and self.seconds is None):
            return self.ceiling
        return self.budget + max(LEAST_FOR_SHRINKING, self.budget * SHARE_FOR_SHRINKING)

    def scenario_names(self) -> tuple[str, ...]:
        """The named scenarios, ``all`` written out; raises ``CliError`` for one that there is not."""
        from fuzzer.scenarios import SCENARIOS

        for name in self.scenario:
            if name not in (*SCENARIOS, "all"):
                raise CliError(f"--scenario: there is no scenario {name!r}; there are {', '.join(SCENARIOS)} and all")
        return tuple(SCENARIOS) if "all" in self.scenario else self.scenario

    def codes(self, names: tuple[str, ...], option: str) -> tuple[str, ...]:
        """Codes of invariants given by code or name; raises ``CliError``."""
        try:
            return tuple(invariant_code(name) for name in names)
        except CliError as error:
            raise CliError(f"{option}: {error}") from None


def kinds_of_report(listed: str | None, known: tuple[str, ...] = KINDS) -> tuple[str, ...]:
    """``html,md`` as its parts, each once; None: none. Raises ``CliError``."""
    kinds = tuple(dict.fromkeys(kind.strip() for kind in (listed or "").split(",")))
    for kind in kinds if listed is not None else ():
        if kind not in known:
            what = f"there is no report {kind!r}" if kind else f"a kind is missing in {listed!r}"
            raise CliError(f"--report: {what}; there are {', '.join(known)}")
    return kinds if listed is not None else ()
