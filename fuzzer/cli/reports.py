"""The report files of ``hubfuzz run``, tried before anything is fuzzed: no run is lost to the rights of a folder."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from fuzzer.campaign.events import CampaignEvent, FailureFound, FailureShrunk
from fuzzer.campaign.failure import Failure
from fuzzer.campaign.options import Result
from fuzzer.cli.errors import CliError, reason_of
from fuzzer.cli.options import RunOptions
from fuzzer.exit_codes import ExitCode
from fuzzer.report.also import also_of
from fuzzer.report.files import FOR_EACH_FAILURE, NAMES, files_of_failure, files_of_run
from fuzzer.report.glyphs import shown
from fuzzer.report.json_report import FixedEntry, RunInfo
from fuzzer.report.ndjson import NdjsonReport
from fuzzer.target.model import Target

LONGEST_COMMAND = 2000


class Reports:
    """Handler of campaign events. ``paths``: where each failure is stored, by fingerprint; ``written``: the files.

    The files of a failure are written as soon as it is shrunk, so that a run that is killed leaves them.
    """

    def __init__(self, options: RunOptions, target: Target) -> None:
        """Raises ``CliError`` if a file cannot be written."""
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._target = target
        self._kinds = options.kinds_of_report()
        self._folder = options.report_dir
        prepare(self._folder, self._kinds)
        self._ndjson = NdjsonReport(self._folder / NAMES["ndjson"]) if "ndjson" in self._kinds else None
        self._tests: dict[str, Path] = {}
        self._problems: dict[Path, str] = {}
        self.paths: dict[str, str] = {}

    @property
    def written(self) -> tuple[str, ...]:
        """The files, in the order in which they were asked for; the page of the run leads to those of its failures."""
        tests = [str(path) for path in self._tests.values()]
        whole = {kind: self._folder / NAMES[kind] for kind in self._kinds if kind in NAMES}
        files = {kind: [str(path)] if path not in self._problems else [] for kind, path in whole.items()}
        return tuple(path for kind in self._kinds for path in files.get(kind, tests))

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for each file that could not be written."""
        return tuple(self._problems.values())

    def __call__(self, event: CampaignEvent) -> None:
        if isinstance(event, FailureFound | FailureShrunk):
            self.paths[event.failure.fingerprint] = event.path
        if isinstance(event, FailureShrunk):
            self._write_failure(event.failure)
        if self._ndjson is not None:
            self._try(self._ndjson.path, partial(self._ndjson, event))

    def finish(
        self, result: Result, code: ExitCode, warnings: tuple[str, ...], fixed: tuple[FixedEntry, ...] = ()
    ) -> None:
        """Write what is written at the end, also of failures that were not shrunk any more."""
        command = shown(shlex.join(["hubfuzz", *sys.argv[1:]]), LONGEST_COMMAND)
        info = RunInfo(command, self._started, code, self._target.name, warnings, (), self.paths, fixed)
        if self._ndjson is not None:
            self._try(self._ndjson.path, self._ndjson.close)
        for name, text in files_of_run(self._kinds, result, info):
            self._write(name, text)
        for failure in (*result.failures, *result.also):
            self._write_failure(failure, also_of(failure, result.also, self.paths))

    def _write_failure(self, failure: Failure, also: Iterable[object] = ()) -> None:
        path = self.paths.get(failure.fingerprint, "")
        index = NAMES["html"] if "html" in self._kinds else ""
        for name, text in files_of_failure(self._kinds, failure, path, self._folder, index, also):
            if self._write(name, text) and name.endswith(".py"):
                self._tests[failure.fingerprint] = self._folder / name

    def _write(self, name: str, text: str) -> bool:
        path = self._folder / name
        self._problems.pop(path, None)  # of an earlier try
        return self._try(path, partial(write, path, text))

    def _try(self, path: Path, act: Callable[[], object]) -> bool:
        """Act on this file. A full disk must not end the campaign: it is told at the end."""
        try:
            act()
        except OSError as error:
            self._problems[path] = str(_unwritable(path, error))
            return False
        return True


def prepare(folder: Path, kinds: Iterable[str]) -> None:
    """No report rather than yesterday's, if this run does not come to its end. Raises ``CliError``."""
    try:
        for kind in kinds:
            path = folder / NAMES[kind] if kind in NAMES else folder
            folder.mkdir(parents=True, exist_ok=True)
            if kind in NAMES:
                path.open("wb").close()
                path.unlink()
            if kind in FOR_EACH_FAILURE:
                tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _unwritable(path, error) from None


def write_all(folder: Path, files: Iterable[tuple[str, str]]) -> list[str]:
    """Write files and answer their names. Raises ``CliError``."""
    written = []
    for name, text in files:
        try:
            write(folder / name, text)
        except OSError as error:
            raise _unwritable(folder / name, error) from None
        written.append(name)
    return written


def write(path: Path, text: str) -> None:
    """Whatever text it is. Raises ``OSError``."""
    path.write_text(text, "utf-8", errors="backslashreplace")


def _unwritable(path: Path, error: OSError) -> CliError:
    return CliError(f"--report-dir: {path}: cannot be written: {reason_of(error)}")
