"""What cannot be written at the end of a run takes nothing else away: summary, reports and exit code are as ever."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import samples

from fuzzer.campaign.options import Result
from fuzzer.campaign.store import FailureStore
from fuzzer.cli.earlier import Earlier
from fuzzer.cli.options import RunOptions
from fuzzer.cli.reports import Reports
from fuzzer.cli.tell import tell
from fuzzer.exit_codes import ExitCode
from fuzzer.hub.target import embedded_target
from fuzzer.known import KnownFailure, KnownFailures, write_known
from fuzzer.report.json_report import report_from_json
from fuzzer.report.screen import Screen

TARGET = embedded_target()
LOSS = samples.loss()
KNOWN = KnownFailures((KnownFailure(LOSS.fingerprint, LOSS.code, "an issue"),))


class Told:
    """The end of one run with a page, a summary in Markdown, and a JSON report."""

    def __init__(self, folder: Path, result: Result, known: Path | None = None, path: str = "") -> None:
        nothing = dict.fromkeys(RunOptions.__dataclass_fields__)
        given = {"scenario": (), "invariant": (), "skip": (), "report": "md,json,ndjson", "report_dir": folder / "out"}
        options = replace(RunOptions(**{**nothing, **given}), known=known)  # type: ignore[arg-type]
        reports, out = Reports(options, TARGET), io.StringIO()
        reports.paths = dict.fromkeys((failure.fingerprint for failure in result.failures), path)
        self.code = self._tell(folder, result, options, reports, out)
        self.said = " ".join(out.getvalue().split())
        self.out = folder / "out"

    def _tell(self, folder: Path, result: Result, options: RunOptions, reports: Reports, out: io.StringIO) -> ExitCode:
        return tell(result, TARGET, Earlier(options, TARGET, FailureStore(folder)), reports, Screen(out, 200))


class OneIsInTheWay(Told):
    """Since the run began there is a folder where the report in Markdown should be."""

    def _tell(self, folder: Path, result: Result, options: RunOptions, reports: Reports, out: io.StringIO) -> ExitCode:
        (folder / "out" / "hubfuzz.md").mkdir()
        return super()._tell(folder, result, options, reports, out)


@pytest.mark.parametrize(
    ("result", "code"), [(samples.with_failures(), ExitCode.FAILURES), (samples.clean(), ExitCode.CLEAN)]
)
def test_known_failures_in_a_checkout_that_cannot_be_written(
    result: Result, code: ExitCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, known: KnownFailures) -> None:
        raise PermissionError(13, "Permission denied")

    write_known(tmp_path / "known.json", KNOWN)
    monkeypatch.setattr("fuzzer.cli.earlier.write_known", refuse)
    met = msgspec.structs.replace(result.totals, met={LOSS.fingerprint: 1})
    told = Told(tmp_path, msgspec.structs.replace(result, totals=met), tmp_path / "known.json")
    assert told.code == code
    assert "known.json: cannot be written: permission denied" in told.said
    report = report_from_json((told.out / "hubfuzz.json").read_bytes())
    assert any(line.startswith("--known: ") for line in report.warnings)
    assert (told.out / "hubfuzz.md").exists()


def test_a_failure_file_that_cannot_be_written(tmp_path: Path) -> None:
    taken = msgspec.structs.replace(LOSS, same_as="HF101-0ther0", same_why="the same plan")
    told = Told(tmp_path, samples.result("time", "30 s are over", taken), path=str(tmp_path / "none" / "f.json"))
    assert told.code == ExitCode.FAILURES
    assert "f.json: cannot be written" in told.said
    assert "1 failure in" in told.said
    assert report_from_json((told.out / "hubfuzz.json").read_bytes()).failures


@pytest.mark.parametrize(
    ("result", "code"), [(samples.with_failures(), ExitCode.FAILURES), (samples.clean(), ExitCode.ERROR)]
)
def test_a_report_that_cannot_be_written(
    result: Result, code: ExitCode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = OneIsInTheWay(tmp_path, result)
    assert told.code == code
    assert report_from_json((told.out / "hubfuzz.json").read_bytes()).exit_code == code
    assert " SUMMARY " in told.said
    assert capsys.readouterr().err.count("hubfuzz.md: cannot be written") == 1
    assert f"Reports {told.out / 'hubfuzz.json'} {told.out / 'hubfuzz.ndjson'} Stopped" in told.said
