"""Whole outputs as files: what a user sees, at two widths. ``--snapshot-update`` writes them anew."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from outputs import LEFT_WHOLE, Run, set_terminal
from rich.cells import cell_len
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from fuzzer.campaign.failure import Failure, failure_to_json
from fuzzer.cli.app import call

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))  # histories written by hand


class TextFile(SingleFileSnapshotExtension):
    """One text file for each output, to be read as it is."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def shown(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compare an output with the file that holds it."""
    return snapshot.use_extension(TextFile)


@pytest.fixture(params=[80, 120])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Columns of the terminal; no colour, as when the output goes to a file."""
    columns: int = request.param
    set_terminal(monkeypatch, columns)
    return columns


@pytest.fixture
def hubfuzz(width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in an empty folder: standard output, standard error and exit code as one text."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        code = call(arguments)
        out, err = capsys.readouterr()
        for line in out.splitlines():
            assert cell_len(line) <= width or any(text in line for text in LEFT_WHOLE), line
        told = [f"$ hubfuzz {' '.join(arguments)}", out, f"stderr: {err}" if err else "", f"exit code {int(code)}"]
        return "\n".join(filter(None, told)) + "\n"

    return run


@pytest.fixture
def stored(tmp_path: Path) -> Failure:
    """One failure in the folder ``failures``."""
    import samples

    failure = samples.limit()
    (tmp_path / "failures").mkdir()
    (tmp_path / "failures" / f"{failure.fingerprint}.json").write_bytes(failure_to_json(failure))
    return failure
