"""What the tests of whole outputs share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., str]
LEFT_WHOLE = (
    "hubfuzz replay",
    "https://",
    "hubfuzz: ",
    "plan 1: ",
    "plan 2: ",
)  # to be copied, or to be searched by line


def set_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, colour: bool = False) -> None:
    """What the environment says of the terminal."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "CI", "GITHUB_ACTIONS", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    if colour:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TTY_INTERACTIVE", "0")
