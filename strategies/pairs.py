"""Racing pairs: two ops on one user (or in one room) that meet. Most concurrency bugs need just one of them.

(Lu et al., ASPLOS 2008: nearly all need two threads and at most four accesses.) ``PAIRS`` are those that generation
aims at; ``racing_pairs`` counts those that a plan really has, for the coverage matrix of the summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Final, NamedTuple

from fuzzer.plan import Close, Drop, Op, Open, Plan, Subscribe, Unsubscribe
from fuzzer.plan_rules import kind_of
from fuzzer.values import Value

# Labels name the earlier kind of this list first, whichever op is released first.
KINDS: Final = (
    *("abandon", "open", "reopen", "finish", "subscribe", "unsubscribe", "send", "ping", "query"),
    *("stall", "resume", "mute", "malformed", "close", "drop"),
)
_ORDER: Final = {kind: place for place, kind in enumerate(KINDS)}


class Pair(Value):
    """Two kinds of ops on one user; ``room``: in one room; ``weight``: how often it is aimed at."""

    left: str
    right: str
    room: bool = False
    weight: int = 2

    @property
    def label(self) -> str:
        """``send|drop``."""
        return label(self.left, self.right)


def label(one: str, other: str) -> str:
    """The name of a pair of kinds, the same in whichever order they are given."""
    first, second = sorted((one, other), key=lambda kind: _ORDER[kind])
    return f"{first}|{second}"


PAIRS: Final = (
    Pair(left="send", right="send", weight=3),
    Pair(left="open", right="open", weight=5),
    Pair(left="open", right="send", weight=3),
    Pair(left="open", right="close", weight=3),
    Pair(left="open", right="drop", weight=4),
    Pair(left="send", right="close", weight=4),
    Pair(left="send", right="drop", weight=5),
    Pair(left="close", right="close"),
    Pair(left="drop", right="drop"),
    Pair(left="close", right="drop"),
    Pair(left="abandon", right="open", weight=3),
    Pair(left="abandon", right="send"),
    Pair(left="abandon", right="drop", weight=1),
    Pair(left="send", right="malformed", weight=4),
    Pair(left="open", right="malformed"),
    Pair(left="malformed", right="close"),
    Pair(left="reopen", right="drop", weight=3),
    Pair(left="reopen", right="close", weight=3),
    Pair(left="reopen", right="send"),
    Pair(left="reopen", right="reopen", weight=4),
    Pair(left="open", right="query"),
    Pair(left="query", right="close"),
    Pair(left="query", right="drop"),
    Pair(left="subscribe", right="send", room=True, weight=3),
    Pair(left="subscribe", right="close", room=True, weight=3),
    Pair(left="subscribe", right="drop", room=True),
    Pair(left="subscribe", right="subscribe", room=True),
    Pair(left="subscribe", right="unsubscribe", room=True, weight=3),
    Pair(left="unsubscribe", right="send", room=True),
    Pair(left="unsubscribe", right="unsubscribe", room=True, weight=4),
    Pair(left="unsubscribe", right="close", room=True, weight=4),
)


@dataclass(slots=True)
class _Scene:
    """Which user and rooms each connection has, and the sessions seen, as the plan goes on."""

    users: dict[str, str] = field(default_factory=dict)
    rooms: dict[str, frozenset[str]] = field(default_factory=dict)
    sessions: set[tuple[str, str]] = field(default_factory=set)

    def kind(self, op: Op) -> str:
        """As ``kind_of``, with ``abandon`` and ``reopen`` told apart from ``open``."""
        if not isinstance(op, Open):
            return kind_of(op)
        if op.abandon:
            return "abandon"
        return "reopen" if op.session and (op.user, op.session) in self.sessions else "open"

    def places(self, op: Op) -> frozenset[str]:
        """What the op touches: its user, and the rooms that it names, joins, leaves or is torn out of."""
        user = op.user if isinstance(op, Open) else self.users.get(op.conn, "")
        named = frozenset({room} if (room := getattr(op, "room", None)) else ())
        left = self.rooms.get(op.conn, frozenset()) if isinstance(op, Close | Drop) else frozenset()
        return frozenset({f"user {user}"}) | {f"room {room}" for room in named | left}

    def note(self, op: Op) -> None:
        """What holds from the next batch on."""
        match op:
            case Open():
                self.users[op.conn] = op.user
                self.sessions |= {(op.user, op.session)} if op.session else set()
            case Subscribe():
                self.rooms[op.conn] = self.rooms.get(op.conn, frozenset()) | {op.room}
            case Unsubscribe():
                self.rooms[op.conn] = self.rooms.get(op.conn, frozenset()) - {op.room}
            case _:
                pass


class Touch(NamedTuple):
    """What one op touches: its connection, its kind, and the user and rooms that it is about."""

    conn: str
    kind: str
    places: frozenset[str]

    def meets(self, other: Touch) -> bool:
        """Two race if both are on one user or in one room, and on different connections."""
        return self.conn != other.conn and bool(self.places & other.places)


def racing_pairs(plan: Plan) -> Counter[str]:
    """How often each pair of kinds races: in one batch, or in two that only ``instant`` or ``turn`` divides."""
    touches = list(races(plan))
    found: Counter[str] = Counter()
    for batch in touches:
        found.update(_meeting(combinations(batch, 2)))
    for (first, second), later in zip(pairwise(touches), plan.batches[1:], strict=False):
        if later.after in ("instant", "turn"):
            found.update(_meeting((one, other) for one in first for other in second))
    return found


def races(plan: Plan) -> Iterator[list[Touch]]:
    """For each batch what its ops touch, in their order."""
    scene = _Scene()
    for batch in plan.batches:
        yield [Touch(op.conn, scene.kind(op), scene.places(op)) for op in batch.ops]
        for op in batch.ops:
            scene.note(op)


def _meeting(couples: Iterable[tuple[Touch, Touch]]) -> Iterator[str]:
    return (label(one.kind, other.kind) for one, other in couples if one.meets(other))
