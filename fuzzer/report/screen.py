"""The terminal as reports see it: its width, whether it shows Unicode, and a way to write that interprets nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from fuzzer.report.glyphs import Glyphs, glyphs_for


class ReaderLeft(BrokenPipeError):
    """Nobody reads the output any more, as after ``| head``."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """An error like any other: Rich would leave by SystemExit, within a nursery."""
        raise ReaderLeft


class Screen:
    """Writes ready-made text. Nothing that comes from a plan, a server or a file is read as markup."""

    def __init__(self, stream: TextIO | None = None, width: int | None = None) -> None:
        file = stream or sys.stdout
        _never_fail(file)
        self.console = _Console(file=file, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)
        self.glyphs: Glyphs = glyphs_for(getattr(file, "encoding", None))

    @property
    def width(self) -> int:
        """Columns; 80 where there is no terminal."""
        return self.console.width

    @property
    def live(self) -> bool:
        """Lines can be drawn again in place."""
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def say(self, line: str | RenderableType = "") -> None:
        """One line (or one ready-made block), exactly as it is; longer lines are left to the terminal to wrap."""
        text = Text(line) if isinstance(line, str) else line
        self.console.print(text, soft_wrap=isinstance(text, Text))

    def say_all(self, lines: Iterable[str | Text]) -> None:
        """Many lines."""
        for line in lines:
            self.say(line)

    @contextmanager
    def doing(self, what: str) -> Iterator[Callable[[str], None]]:
        """A line that says what takes so long, while it does, where lines can be drawn again; gone afterwards."""
        if not self.live:
            yield lambda text: None
            return
        with Live(Text(what, style="cyan"), console=self.console, transient=True, auto_refresh=False) as line:
            line.refresh()
            yield lambda text: line.update(Text(text, style="cyan", no_wrap=True, overflow="ellipsis"), refresh=True)


def _never_fail(stream: TextIO) -> None:
    """A character that the terminal cannot show is written as an escape instead of ending the run."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
