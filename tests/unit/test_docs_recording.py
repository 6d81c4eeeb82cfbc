"""The README's recording shows what stays on the screen."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
SPEC = importlib.util.spec_from_file_location("docs_recording", DOCS / "recording.py")
assert SPEC is not None
assert SPEC.loader is not None
recording = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(recording)


def test_a_live_line_is_gone_and_colours_too() -> None:
    assert recording.on_screen("\x1b[1mfirst\x1b[0m  \r\nlive 1\r\x1b[Klive 2\r\x1b[Klast\r\n") == "first\nlast"


def test_a_command_is_recorded_in_a_terminal_of_this_width(tmp_path: Path) -> None:
    """``explain`` folds its text by the width of the terminal that it finds."""
    lines = recording.recorded("hubfuzz explain HF203", tmp_path).splitlines()
    assert lines
    assert "HF203" in lines[0]
    assert recording.COLUMNS - 12 <= max(map(len, lines)) <= recording.COLUMNS
