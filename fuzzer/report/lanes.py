"""Lanes in the terminal: one column a connection, a rule a batch, ops in the order of release, then what came back.

Ops of one batch stand under each other inside a bracket: they are released together, from top to bottom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from fuzzer.report.glyphs import UNICODE, Glyphs, shown
from fuzzer.report.scene import Block, Cell, Lane, Scene

GUTTER = 2
NARROWEST = 9
WIDEST = 22
MOST_LANES = 8

_STYLES = {"op": "", "good": "green", "bad": "red", "dim": "dim"}
Row = tuple[str, list[Cell]]


def draw(scene: Scene, width: int = 80, glyphs: Glyphs = UNICODE) -> list[Text]:
    """The scene as lines no wider than ``width``; as a list where the connections do not fit side by side."""
    column = _column(scene, width)
    drawn = _Columns(scene.lanes, column, width, glyphs) if column else _List(scene.lanes, width, glyphs)
    lines = [*drawn.head()]
    for block in scene.blocks:
        lines.append(_rule(block.label, width if not column else GUTTER + column * len(scene.lanes), glyphs))
        lines += [line for row in _rows(block, glyphs, bool(column)) for line in drawn.row(row)]
    return [*lines, *_legend(scene, glyphs)]


def _column(scene: Scene, width: int) -> int:
    """Width of one column, 0 if a list is the better picture."""
    if not scene.lanes or len(scene.lanes) > MOST_LANES:
        return 0
    column = min(WIDEST, (width - GUTTER) // len(scene.lanes))
    return column if column >= NARROWEST else 0


def _rule(label: str, width: int, glyphs: Glyphs) -> Text:
    head = f"{glyphs.rule * 2} {label} "
    return Text(head + glyphs.rule * max(2, width - cell_len(head)), style="dim")


def _rows(block: Block, glyphs: Glyphs, side_by_side: bool) -> Iterator[Row]:
    """One row for each op, in order; answers share a row where they are on different connections."""
    last = len(block.ops) - 1
    for number, cell in enumerate(block.ops):
        edge = glyphs.top if number == 0 else glyphs.bottom if number == last else glyphs.middle
        yield (edge if last else " ", [cell])
    for cells in _packed(block.answers) if side_by_side else [[cell] for cell in block.answers]:
        yield (" ", cells)


def _packed(cells: Iterable[Cell]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    filled: dict[str, int] = {}
    for cell in cells:
        at = len(rows) if not cell.conn else max(filled.get(cell.conn, 0), filled.get("", 0))
        rows += [[] for _ in range(at + 1 - len(rows))]
        rows[at].append(cell)
        filled[cell.conn] = at + 1
    return rows


def _legend(scene: Scene, glyphs: Glyphs) -> list[Text]:
    marks = {cell.mark for block in scene.blocks for cell in (*block.ops, *block.answers)}
    signs = {"broken": f"{glyphs.broken} what is wrong", "evidence": f"{glyphs.evidence} evidence"}
    said = [text for mark, text in signs.items() if mark in marks]
    if said and any(len(block.ops) > 1 for block in scene.blocks):
        said.append(f"{glyphs.top}{glyphs.bottom} in the same instant, from top to bottom")
    return [Text(" " * GUTTER + "   ".join(said), style="dim")] if said else []


def _write(cell: Cell, room: int, glyphs: Glyphs) -> Text:
    """The longest form that fits into ``room``, cut if even the shortest does not."""
    sign = {"broken": f"{glyphs.broken} ", "evidence": f"{glyphs.evidence} ", "": ""}[cell.mark]
    forms = [sign + form for form in cell.forms]
    text = next((form for form in forms if cell_len(form) <= room), None) or _cut(forms[-1], room, glyphs)
    return Text(text, style="bold red" if cell.mark == "broken" else "bold" if cell.mark else _STYLES[cell.tone])


def _cut(text: str, room: int, glyphs: Glyphs) -> str:
    return text if cell_len(text) <= room else set_cell_size(text, room - 1).rstrip() + glyphs.cut


def _title(lane: Lane) -> str:
    return f"{shown(lane.conn, 20)} ({shown(lane.user, 20)})" if lane.user else shown(lane.conn, 20)


class _Columns:
    """One column a connection."""

    def __init__(self, lanes: tuple[Lane, ...], column: int, width: int, glyphs: Glyphs) -> None:
        self._place = {lane.conn: number for number, lane in enumerate(lanes)}
        self._lanes = lanes
        self._column = column
        self._width = width
        self._glyphs = glyphs

    def head(self) -> list[Text]:
        titles = [Text(_cut(_title(lane), self._column - 1, self._glyphs)) for lane in self._lanes]
        line = Text.assemble(" " * GUTTER, *(self._fit(title) for title in titles), style="bold")
        line.rstrip()
        return [line]

    def row(self, row: Row) -> list[Text]:
        edge, cells = row
        if cells and not cells[0].conn:
            return [Text.assemble(" " * GUTTER, _write(cells[0], self._width - GUTTER, self._glyphs))]
        texts = {self._place[c.conn]: _write(c, self._column - 1, self._glyphs) for c in cells if c.conn in self._place}
        line = Text(f"{edge} ")
        for number in range(max(texts, default=-1) + 1):
            line.append_text(self._fit(texts.get(number, Text(""))))
        line.rstrip()
        return [line]

    def _fit(self, text: Text) -> Text:
        return Text.assemble(text, " " * (self._column - text.cell_len))


class _List:
    """One line for each op or event, where there are too many connections for columns."""

    def __init__(self, lanes: tuple[Lane, ...], width: int, glyphs: Glyphs) -> None:
        self._name = min(20, max((cell_len(shown(lane.conn, 20)) for lane in lanes), default=0)) + 2
        self._width = width
        self._glyphs = glyphs

    def head(self) -> list[Text]:
        return []

    def row(self, row: Row) -> list[Text]:
        edge, cells = row
        return [self._line(edge, cell) for cell in cells]

    def _line(self, edge: str, cell: Cell) -> Text:
        name = _cut(shown(cell.conn, 20), self._name - 1, self._glyphs)
        text = _write(cell, self._width - GUTTER - self._name, self._glyphs)
        return Text.assemble(f"{edge} ", set_cell_size(name, self._name), text)
