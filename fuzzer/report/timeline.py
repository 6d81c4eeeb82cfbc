"""The picture of a whole history: lanes with their membership intervals, every event in order, messages and losses.

Everything is derived from the history, its facts and the finding; nothing is decided here. All text is inert already
(``shown``), so that a page needs to escape it only once more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from fuzzer import history as h
from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.plan import Open, Plan
from fuzzer.report.glyphs import shown
from fuzzer.report.moments import Moment, moments_of
from fuzzer.report.op_words import SEPARATORS, batch_words
from fuzzer.report.scene import missing_deliveries
from fuzzer.values import Value
from fuzzer.verdict import Finding

Span = tuple[int, int]
FINALE = ("drain", "probe", "slots", "canary", "rest")


class Stay(Value):
    """One stay in one group; spans are half-open ranges of event indices, empty where nothing is proved."""

    group: str
    owed: Span = (0, 0)
    witnessed: Span = (0, 0)


class Strand(Value):
    """One connection: whose it is, and what the history proves of it (SPEC 2.1)."""

    conn: str
    user: str
    role: str
    possible: Span
    owed: Span
    witnessed: Span
    stays: tuple[Stay, ...] = ()
    faults: tuple[tuple[int, int, str], ...] = ()


class Part(Value):
    """A batch, or a phase of hubfuzz's own, from event ``at`` on. ``own``: what hubfuzz does, not the plan."""

    at: int
    label: str
    note: str = ""
    own: bool = False


class Copy(Value):
    """One message: sent at event ``sent``, read at ``got`` (event, connection)."""

    msg: str
    conn: str
    group: str
    sent: int
    size: int = 0
    fence: bool = False
    got: tuple[tuple[int, str], ...] = ()
    missing: tuple[str, ...] = ()


class Loss(Value):
    """A delivery that the finding misses. It is shown just before event ``before``, which proves it."""

    msg: str
    conn: str
    sent: int
    before: int
    text: str


class Timeline(Value):
    """All that a picture of a failure shows."""

    strands: tuple[Strand, ...]
    moments: tuple[Moment, ...]
    parts: tuple[Part, ...]
    copies: tuple[Copy, ...]
    losses: tuple[Loss, ...] = ()


def timeline_of(history: h.History, finding: Finding | None = None, plan: Plan | None = None) -> Timeline:
    """The timeline of one execution, with the evidence of ``finding`` marked; ``plan``: what it is an execution of."""
    plan = plan or history.plan
    facts = Facts(history)
    losses = tuple(_losses(history, finding))
    return Timeline(
        strands=tuple(_strand(facts, conn) for conn in _in_order(facts, plan)),
        moments=moments_of(facts, finding, _finale(history.events), frozenset(loss.msg for loss in losses)),
        parts=tuple(_parts(history, plan)),
        copies=tuple(_copies(facts, losses)),
        losses=losses,
    )


def _in_order(facts: Facts, plan: Plan) -> list[Conn]:
    """Those of the plan first, as it names them; then the others, as they opened."""
    names = dict.fromkeys([*(op.conn for op in plan.ops() if isinstance(op, Open)), *facts.conns])
    return [facts.conns[name] for name in names if name in facts.conns]


# ---- membership ------------------------------------------------------------------------------------------------------


def _strand(facts: Facts, conn: Conn) -> Strand:
    last = len(facts.events)
    return Strand(
        conn=shown(conn.name, 40),
        user=shown(conn.inv.user, 40),
        role=conn.inv.role,
        possible=(conn.open_inv, _released(facts, conn)),
        owed=_span(conn.je, min(conn.x, last)),
        witnessed=_span(conn.je, conn.le + 1),
        stays=tuple(_stay(facts, conn, group) for group in conn.episodes if group.startswith("room:")),
        faults=tuple((start, min(end, last), kind) for start, end, kind in conn.faults),
    )


def _released(facts: Facts, conn: Conn) -> int:
    """From which event on it surely holds no slot; once that is so, it stays so."""
    events = range(len(facts.events))
    return bisect_left(events, True, conn.open_inv, key=lambda i: facts.surely_released(conn, facts.t(i)))


def _stay(facts: Facts, conn: Conn, group: str) -> Stay:
    stays = conn.episodes[group]
    je = min(stay.je for stay in stays)
    end = min(conn.x, stays[-1].end, len(facts.events))
    return Stay(shown(group, 40), _span(je, end), _span(je, max(stay.le for stay in stays) + 1))


def _span(start: int, end: int) -> Span:
    return (start, end) if start != NEVER and start < end else (0, 0)


# ---- batches and phases ----------------------------------------------------------------------------------------------


def _parts(history: h.History, plan: Plan) -> Iterator[Part]:
    for index, event in enumerate(history.events):
        if isinstance(event, h.Phase) and event.name != "fence":
            yield _part(index, event.name, plan)


def _part(index: int, name: str, plan: Plan) -> Part:
    kind, _, number = name.partition(":")
    if kind != "batch" or not number.isdecimal() or int(number) >= len(plan.batches):
        return Part(index, shown(name, 40), own=True)
    batch = plan.batches[int(number)]
    after = SEPARATORS[batch.after] if int(number) else ""
    several = f"{len(batch.ops)} ops released in the same instant" if len(batch.ops) > 1 else ""
    return Part(index, f"batch {int(number) + 1}", ", ".join(filter(None, (after, several, batch_words(batch)))))


def _finale(events: Iterable[h.Event]) -> int:
    """Where hubfuzz's own end of every plan begins."""
    starts = (i for i, e in enumerate(events) if isinstance(e, h.Phase) and e.name.partition(":")[0] in FINALE)
    return next(starts, NEVER)


# ---- messages --------------------------------------------------------------------------------------------------------


def _copies(facts: Facts, losses: Iterable[Loss]) -> Iterator[Copy]:
    lost: dict[str, list[str]] = {}
    for loss in losses:
        lost.setdefault(loss.msg, []).append(loss.conn)
    got: dict[str, list[tuple[int, str]]] = {}
    for index, event in facts.deliveries:
        got.setdefault(event.msg, []).append((index, shown(event.conn, 40)))
    for m in facts.messages.values():
        name = shown(m.name, 40)
        arrived, missing = tuple(got.get(m.name, ())), tuple(lost.get(name, ()))
        yield Copy(name, shown(m.conn, 40), shown(m.group, 40), m.inv, m.size, m.fence, arrived, missing)


def _losses(history: h.History, finding: Finding | None) -> Iterator[Loss]:
    if finding is None:
        return
    events = history.events
    sent = {event.msg: i for i, event in enumerate(events) if isinstance(event, h.SendInv)}
    proof = max((i for i in finding.witness if 0 <= i < len(events)), default=len(events) - 1)
    for msg, conn in dict.fromkeys(missing_deliveries(history, finding)):
        # What was read later on the same connection proves a gap; a silence is over when the last evidence came.
        before = proof if isinstance(events[proof], h.Dlv) else proof + 1
        name, whom = shown(msg, 40), shown(conn, 40)
        yield Loss(name, whom, sent[msg], max(before, sent[msg] + 1), f"{whom} never gets {name}")
