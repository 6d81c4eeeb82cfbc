"""The report files of ``hubfuzz run``, tried before anything is fuzzed: no run is lost to the rights of a folder."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from fuzzer.campaign.events import CampaignEvent, FailureFound, FailureShrunk
from fuzzer.campaign.options import Result
from fuzzer.cli.errors import CliError, reason_of
from fuzzer.cli.options import RunOptions
from fuzzer.exit_codes import ExitCode
from fuzzer.report.glyphs import shown
from fuzzer.report.json_report import RunInfo, json_report
from fuzzer.report.ndjson import NdjsonReport
from fuzzer.target.model import Target

LONGEST_COMMAND = 2000


class Reports:
    """Handler of campaign events. ``paths``: where each failure is stored, by fingerprint; ``written``: the files."""

    def __init__(self, options: RunOptions, target: Target) -> None:
        """Raises ``CliError`` if a file cannot be written."""
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._target = target
        self._files = {kind: _writable(options.report_dir, kind) for kind in options.kinds_of_report()}
        self._ndjson = NdjsonReport(self._files["ndjson"]) if "ndjson" in self._files else None
        self.paths: dict[str, str] = {}

    @property
    def written(self) -> tuple[str, ...]:
        """The files, in the order in which they were asked for."""
        return tuple(map(str, self._files.values()))

    def __call__(self, event: CampaignEvent) -> None:
        if isinstance(event, FailureFound | FailureShrunk):
            self.paths[event.failure.fingerprint] = event.path
        if self._ndjson is not None:
            self._ndjson(event)

    def finish(self, result: Result, code: ExitCode, warnings: tuple[str, ...]) -> None:
        """Write what is written at the end. Raises ``CliError``."""
        with ExitStack() as stack:
            if self._ndjson is not None:
                stack.callback(self._ndjson.close)
            if "json" in self._files:
                command = shown(shlex.join(["hubfuzz", *sys.argv[1:]]), LONGEST_COMMAND)
                info = RunInfo(command, self._started, code, self._target.name, warnings, (), self.paths)
                _write(self._files["json"], json_report(result, info))


def _writable(folder: Path, kind: str) -> Path:
    path = folder / f"hubfuzz.{kind}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.open("wb").close()
        path.unlink()  # no report rather than yesterday's, if this run does not come to its end
    except OSError as error:
        raise CliError(f"--report-dir: {path}: cannot be written: {reason_of(error)}") from None
    return path


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise CliError(f"--report-dir: {path}: cannot be written: {reason_of(error)}") from None
