"""What a picture of a plan or a failure shows, before anyone draws it: lanes, blocks (one a batch) and cells.

The terminal draws it with box characters; other renderings draw the same scene in their own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from fuzzer import history as h
from fuzzer.plan import Batch, Op, Open, Plan
from fuzzer.plan_rules import kind_of
from fuzzer.report.event_words import event_mark, event_sentence
from fuzzer.report.glyphs import shown
from fuzzer.report.op_words import SEPARATORS, batch_words, op_mark
from fuzzer.values import Value
from fuzzer.verdict import Finding

Mark = Literal["", "broken", "evidence"]
Tone = Literal["op", "good", "bad", "dim"]

_OWN_ACTS = (
    *(h.OpenInv, h.SendInv, h.CloseInv, h.DropInv, h.FaultInv, h.SubInv, h.UnsubInv),
    *(h.PingInv, h.QueryInv),
)
_LOSSES = ("HF101", "HF102")
_MARKS_OF_MEMBERS: dict[type, tuple[str, ...]] = {
    h.OpenOk: ("is open", "open"),
    h.Joined: ("is a member", "member"),
    h.CloseOk: ("closed",),
    h.TcpClosed: ("TCP closed",),
    h.UnsubOk: ("has left", "left"),
}


class Lane(Value):
    """One connection and whom it belongs to."""

    conn: str
    user: str = ""


class Cell(Value):
    """One thing that happened on one connection; with no connection it is a note about the whole."""

    conn: str
    forms: tuple[str, ...]
    tone: Tone = "op"
    mark: Mark = ""


class Block(Value):
    """One batch: its ops in the order of release, then what came back."""

    label: str
    ops: tuple[Cell, ...] = ()
    answers: tuple[Cell, ...] = ()


class Scene(Value):
    """Everything that a picture shows."""

    lanes: tuple[Lane, ...]
    blocks: tuple[Block, ...]


def scene_of(plan: Plan, history: h.History | None = None, finding: Finding | None = None) -> Scene:
    """A plan alone, or with what happened, or with the finding marked."""
    if history is None:
        return Scene(_lanes(plan, ()), tuple(_planned(i, batch) for i, batch in enumerate(plan.batches)))
    return _Staging(plan, history, finding).scene()


def _planned(number: int, batch: Batch) -> Block:
    return Block(_label(number, batch), tuple(Cell(op.conn, op_mark(op)) for op in batch.ops))


def _label(number: int, batch: Batch) -> str:
    after = SEPARATORS[batch.after] if number else ""
    return ", ".join(filter(None, (str(number + 1), after, batch_words(batch))))


def _lanes(plan: Plan, others: Iterable[Lane]) -> tuple[Lane, ...]:
    users = {op.conn: op.user for op in plan.ops() if isinstance(op, Open)}
    found = {op.conn: Lane(op.conn, users.get(op.conn, "")) for op in plan.ops()}
    return tuple((found | {lane.conn: lane for lane in others if lane.conn not in found}).values())


class _Staging:
    """Lays the events of a history onto the blocks of its plan."""

    def __init__(self, plan: Plan, history: h.History, finding: Finding | None) -> None:
        self._plan = plan
        self._events = history.events
        self._finding = finding
        self._witness = frozenset(finding.witness) if finding else frozenset()
        self._missing = dict.fromkeys(missing_deliveries(history, finding))
        self._decisive = -1 if self._missing else max(self._witness, default=-1)

    def scene(self) -> Scene:
        blocks = tuple(block for block in self._blocks() if block.ops or block.answers)
        drawn = {cell.conn for block in blocks for cell in (*block.ops, *block.answers)}
        others = [Lane(e.conn, e.user) for e in self._events if isinstance(e, h.OpenInv) and e.conn in drawn]
        return Scene(_lanes(self._plan, others), blocks)

    def _blocks(self) -> Iterator[Block]:
        for name, events in _phases(self._events):
            number = _batch_number(name)
            batch = None if number is None or number >= len(self._plan.batches) else self._plan.batches[number]
            answers = tuple(_merged(self._answers(events, own=batch is None)))
            if batch is None or number is None:
                yield Block(shown(name, 40), (), answers)
            else:
                yield Block(_label(number, batch), tuple(self._op(op, events) for op in batch.ops), answers)

    def _op(self, op: Op, events: list[tuple[int, h.Event]]) -> Cell:
        acts = [
            (i, e) for i, e in events if getattr(e, "conn", None) == op.conn and isinstance(e, (*_OWN_ACTS, h.Skip))
        ]
        if any(isinstance(e, h.Skip) for _, e in acts):
            return Cell(op.conn, (f"({kind_of(op)} skipped)", "(skipped)"), "dim")
        marks = [self._mark(i) for i, _ in acts if i in self._witness]
        return Cell(op.conn, op_mark(op), "op", "broken" if "broken" in marks else "evidence" if marks else "")

    def _mark(self, index: int) -> Mark:
        if index not in self._witness:
            return ""
        return "broken" if index == self._decisive else "evidence"

    def _answers(self, events: list[tuple[int, h.Event]], own: bool) -> Iterator[Cell]:
        for index, event in events:
            cell = self._answer(index, event, own)
            if cell is not None:
                yield cell
        yield from self._losses(events)

    def _answer(self, index: int, event: h.Event, own: bool) -> Cell | None:
        """What to show of one event. Outside batches (``own``) only evidence is shown, and then our own acts too."""
        mark = self._mark(index)
        if not mark and (own or isinstance(event, h.Skip)):
            return None
        if isinstance(event, _OWN_ACTS) and not own:
            return None
        forms = _forms(event) if mark else _plain_forms(event)
        if not forms:
            return None
        return Cell(getattr(event, "conn", ""), forms, _tone(event), mark)

    def _losses(self, events: list[tuple[int, h.Event]]) -> Iterator[Cell]:
        sent = {e.msg for _, e in events if isinstance(e, h.SendInv)}
        return (Cell(c, (f"{shown(m, 20)} missing", "missing"), "bad", "broken") for m, c in self._missing if m in sent)


def missing_deliveries(history: h.History, finding: Finding | None) -> Iterator[tuple[str, str]]:
    """Message and connection of each delivery that a finding of loss misses."""
    if finding is None or finding.code not in _LOSSES:
        return
    got = {(e.msg, e.conn) for e in history.events if isinstance(e, h.Dlv)}
    sends = [history.events[i] for i in finding.witness if i < len(history.events)]
    for event in sends:
        if isinstance(event, h.SendInv):
            yield from ((event.msg, c) for c in _owed(event, finding) if (event.msg, c) not in got)


def _owed(event: h.SendInv, finding: Finding) -> Iterator[str]:
    """Whom the finding concerns besides the sender; the sender itself, if it alone is concerned."""
    others = [c for c in finding.conns if c != event.conn]
    return iter(others or finding.conns[:1])


def _phases(events: tuple[h.Event, ...]) -> list[tuple[str, list[tuple[int, h.Event]]]]:
    """Events by phase; a fence belongs to the batch that it follows."""
    phases: list[tuple[str, list[tuple[int, h.Event]]]] = [("before", [])]
    for index, event in enumerate(events):
        if isinstance(event, h.Phase) and event.name != "fence":
            phases.append((event.name, []))
        phases[-1][1].append((index, event))
    return phases


def _batch_number(phase: str) -> int | None:
    kind, _, number = phase.partition(":")
    return int(number) if kind == "batch" and number.isdecimal() else None


def _plain_forms(event: h.Event) -> tuple[str, ...]:
    if isinstance(event, h.Dlv) and not event.msg.startswith("~"):
        return _delivered(event)
    return event_mark(event)


def _forms(event: h.Event) -> tuple[str, ...]:
    """Evidence is always shown, in lanes if it happened on a connection."""
    if not hasattr(event, "conn"):
        return (event_sentence(event),)
    if isinstance(event, h.Dlv):
        return _delivered(event)
    return event_mark(event) or _MARKS_OF_MEMBERS.get(type(event)) or _act(event)


def _act(event: h.Event) -> tuple[str, ...]:
    word = type(event).__name__.removesuffix("Inv").lower()
    return (f"{word} {shown(str(getattr(event, 'msg', '')), 20)}".strip(), word)


def _delivered(event: h.Dlv) -> tuple[str, ...]:
    damaged = "" if event.intact else " damaged"
    return (f"got {shown(event.msg, 20)}{damaged}", f"got{damaged}")


def _tone(event: h.Event) -> Tone:
    if isinstance(event, h.Dlv):
        return "good" if event.intact else "bad"
    return "op" if isinstance(event, _OWN_ACTS) else "dim" if isinstance(event, h.Frame | h.FaultEnd) else "bad"


def _merged(cells: Iterable[Cell]) -> Iterator[Cell]:
    """Plain deliveries on one connection become one cell, at the place of the first."""
    runs: list[list[Cell]] = []
    latest: dict[str, list[Cell]] = {}
    for cell in cells:
        run = latest.get(cell.conn)
        if run is not None and _ordinary(cell) and _ordinary(run[-1]):
            run.append(cell)
        else:
            latest[cell.conn] = [cell]
            runs.append(latest[cell.conn])
    return (_joined_cell(run) for run in runs)


def _ordinary(cell: Cell) -> bool:
    return cell.tone == "good" and not cell.mark


def _joined_cell(run: list[Cell]) -> Cell:
    if len(run) == 1:
        return run[0]
    names = [cell.forms[0].removeprefix("got ") for cell in run]
    return Cell(run[0].conn, (f"got {' '.join(names)}", f"got {names[0]} to {names[-1]}", f"got {len(run)}"), "good")
