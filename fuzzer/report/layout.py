"""Paragraphs with a heading and plain tables, for terminals of any width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

GAP = 2
LEAST_LAST = 24


def wrapped(head: str, body: str, width: int, style: str = "", head_style: str = "bold") -> Iterator[Text]:
    """``body`` behind ``head``; lines after the first are indented as deep as ``head`` is long."""
    rest = " " * len(head)
    lines: Iterable[str] = textwrap.wrap(body, max(20, width - len(head)), break_on_hyphens=False) or [""]
    for number, line in enumerate(lines):
        yield Text.assemble((head if number == 0 else rest, head_style), (line, style))


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[Text]:
    """Columns as wide as their content; the last one takes what is left and is wrapped."""
    widths = [max(cell_len(row[i]) for row in (titles, *rows)) + GAP for i in range(len(titles) - 1)]
    last = max(LEAST_LAST, width - sum(widths))
    yield from _row(titles, widths, last, "bold")
    for row in rows:
        yield from _row(row, widths, last, "")


def _row(row: Sequence[str], widths: Sequence[int], last: int, style: str) -> Iterator[Text]:
    head = "".join(text + " " * (w - cell_len(text)) for text, w in zip(row, widths, strict=False))
    for number, line in enumerate(textwrap.wrap(row[-1], last, break_on_hyphens=False) or [""]):
        yield Text(((head if number == 0 else " " * sum(widths)) + line).rstrip(), style=style)
