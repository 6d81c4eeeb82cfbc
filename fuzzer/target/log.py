"""What a started server prints: in a file, so that it never waits for us; read when somebody asks."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from fuzzer.target.redact import without_tokens

KEPT_BYTES = 32_000_000
TAIL_BYTES = 64_000
RECENT_LINES = 60
RECENT_BYTES = 16_000
LONGEST_LINE = 200
PORT_TAKEN = ("address already in use", "eaddrinuse", "errno 98", "errno 48")


class ServerLog:
    """The log file of one server."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_to = 0
        self._recent: deque[str] = deque(maxlen=RECENT_LINES)
        self.clear()

    def clear(self) -> None:
        """Forget what was printed."""
        self._path.write_bytes(b"")
        self._read_to = 0

    def open_for_server(self) -> IO[bytes]:
        """The writing end. It appends, so that the file may be emptied under it."""
        return self._path.open("ab")

    def skip_to_end(self) -> None:
        """What was printed so far, while starting, is no error of a plan."""
        self._read_to = self._path.stat().st_size

    def new_lines_with(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Whole lines since the last call that hold one of ``patterns``. A file grown too large is emptied."""
        with self._path.open("rb") as file:
            file.seek(self._read_to)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read_to += len(whole)
        if self._read_to > KEPT_BYTES:
            os.truncate(self._path, 0)
            self._read_to = 0
        self._recent.extend(without_tokens(_end(whole).decode("utf-8", "replace")).splitlines())
        lines = without_tokens(whole.decode("utf-8", "replace")).splitlines() if patterns else []
        return tuple(line for line in lines if any(pattern in line for pattern in patterns))

    def recent(self) -> tuple[str, ...]:
        """The last lines that ``new_lines_with`` came by since this was asked before, whatever they hold."""
        lines = tuple(self._recent)
        self._recent.clear()
        return lines

    def tail(self, lines: int = 20) -> str:
        """The last lines, without the tokens that access logs hold."""
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
        return without_tokens("\n".join(text.splitlines()[-lines:]))

    def last_line(self) -> str:
        """The last line that says something."""
        return last_line_of(self.tail(40))

    def says_port_taken(self) -> bool:
        """The server could not bind its port."""
        text = self.tail(100).lower()
        return any(words in text for words in PORT_TAKEN)


def last_line_of(text: str) -> str:
    """The last line that says something; a long one ends with a whole word."""
    said = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    if len(said) <= LONGEST_LINE:
        return said
    return f"{said[:LONGEST_LINE].rpartition(' ')[0] or said[:LONGEST_LINE]} ..."


def _end(text: bytes) -> bytes:
    """The last whole lines: half a token could not be told from other text."""
    if len(text) <= RECENT_BYTES:
        return text
    return text[-RECENT_BYTES:].partition(b"\n")[2]
