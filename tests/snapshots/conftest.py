"""Whole outputs as files: what a user sees, at two widths. ``--snapshot-update`` writes them anew."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

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


def set_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, colour: bool = False) -> None:
    """What the environment says of the terminal."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "CI", "GITHUB_ACTIONS", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    if colour:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TTY_INTERACTIVE", "0")
