"""Paragraphs with a heading and plain tables, for terminals of any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, chop_cells
from rich.text import Text

GAP = 2
LEAST_LAST = 24


def plural(number: int, noun: str) -> str:
    """``1 op``, ``2 ops``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def folded(text: str, width: int) -> list[str]:
    """Lines of whole words, at most ``width`` columns wide; a word that is longer is cut. At least one line."""
    lines: list[str] = []
    for word in text.split():
        if lines and cell_len(f"{lines[-1]} {word}") <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines += chop_cells(word, width)
    return lines or [""]


def wrapped(head: str, body: str, width: int, style: str = "", head_style: str = "bold") -> Iterator[Text]:
    """``body`` behind ``head``; lines after the first are indented as deep as ``head`` is long."""
    rest = " " * cell_len(head)
    for number, line in enumerate(folded(body, max(LEAST_LAST, width - cell_len(head)))):
        yield Text.assemble((head if number == 0 else rest, head_style), (line, style))


def columns(head: str, items: Sequence[tuple[str, str]], width: int) -> Iterator[Text]:
    """Names and numbers side by side, as many as fit in a line."""
    names, numbers = (max(cell_len(item[i]) for item in items) for i in (0, 1))
    cells = [f"{name:<{names}} {number:>{numbers}}" for name, number in items]
    per_line = max(1, (width - cell_len(head) + GAP) // (names + 1 + numbers + GAP))
    for at in range(0, len(cells), per_line):
        line = (" " * GAP).join(cells[at : at + per_line]).rstrip()
        yield Text.assemble((head if at == 0 else " " * cell_len(head), "bold"), line)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[Text]:
    """Columns as wide as their content; the last one takes what is left and is wrapped."""
    widths = [max(cell_len(row[i]) for row in (titles, *rows)) + GAP for i in range(len(titles) - 1)]
    last = max(LEAST_LAST, width - sum(widths))
    yield from _row(titles, widths, last, "bold")
    for row in rows:
        yield from _row(row, widths, last, "")


def _row(row: Sequence[str], widths: Sequence[int], last: int, style: str) -> Iterator[Text]:
    head = "".join(text + " " * (w - cell_len(text)) for text, w in zip(row, widths, strict=False))
    for number, line in enumerate(folded(row[-1], last)):
        yield Text(((head if number == 0 else " " * sum(widths)) + line).rstrip(), style=style)
