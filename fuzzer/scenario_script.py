"""What a scenario is written with: one plan, batch by batch, for a target with these abilities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final, NamedTuple

from fuzzer.payload import ENVELOPE
from fuzzer.plan import Batch, Op, Open, Plan, Query, Send, Separator, Subscribe, TokenKind
from fuzzer.plan_rules import connection_symbol
from fuzzer.policy import MOST_PATIENCE, Policy

BIG: Final = 65_536


class Abilities(NamedTuple):
    """What a target can be asked: to join rooms, to take a session over, to tell bad tokens, and who is present."""

    rooms: bool = False
    sessions: bool = False
    tokens: bool = False
    presence: bool = False


@dataclass(slots=True)
class Script:
    """Writes one plan: fresh symbols, batches, and the room that everybody enters where groups are rooms."""

    policy: Policy
    can: Abilities
    batches: list[Batch] = field(default_factory=list)
    symbols: Iterator[str] = field(default_factory=lambda: map(connection_symbol, count()))
    messages: Iterator[str] = field(default_factory=lambda: map("m{}".format, count()))
    sessions_used: Iterator[str] = field(default_factory=lambda: map("s{}".format, count()))

    @property
    def limit(self) -> int:
        """Tabs that one user, here alone, may have; without a declared limit more than any scenario needs."""
        return self.policy.limit.free if self.policy.limit else 1_000

    @property
    def room(self) -> str | None:
        """The room of every message: none where the hub's groups are not rooms."""
        return "r0" if self.policy.group == "room" and self.can.rooms else None

    def plan(self) -> Plan:
        """What was written."""
        return Plan(batches=tuple(self.batches))

    def together(self, *ops: Op, after: Separator = "fence") -> None:
        """One batch."""
        self.batches.extend([Batch(ops=ops, after=after)] if ops else [])

    def opens(self, number: int, user: str = "u0", token: TokenKind = "valid") -> list[Open]:
        """Opens of new tabs, not yet in any batch."""
        names = [next(self.symbols) for _ in range(number)]
        return [Open(conn=name, user=user, session=self._session(), token=token) for name in names]

    def enter(self, number: int, user: str = "u0") -> list[str]:
        """Open tabs in one batch, let them into the room, and say who they are."""
        opens = self.opens(number, user)
        self.together(*opens)
        self.join(opens)
        return [op.conn for op in opens]

    def join(self, opens: list[Open]) -> None:
        """Let opened tabs into the room, if groups are rooms."""
        if self.room is not None:
            self.together(*(Subscribe(conn=op.conn, room=self.room) for op in opens))

    def reload(self, conn: str) -> str:
        """The session of an open tab, on a new connection."""
        old = next(op for batch in self.batches for op in batch.ops if isinstance(op, Open) and op.conn == conn)
        new = Open(conn=next(self.symbols), user=old.user, session=old.session)
        self.together(new)
        self.join([new])
        return new.conn

    def say(self, conn: str, size: int = 20, burst: int = 1) -> Send:
        """A message to the group, not yet in any batch."""
        return Send(conn=conn, msg=next(self.messages), size=size, count=burst, room=self.room)

    def ask(self, conn: str, gone: bool = False) -> None:
        """Ask who is present when that must be right; ``gone``: also of those that have left. Not if it takes long."""
        bound = self._presence_is_right_after(gone)
        if bound is not None:
            self.batches.append(Batch(ops=(Query(conn=conn),), wait=round(bound * 1.2 + 0.1, 3)))

    def may_ask(self, gone: bool = False) -> bool:
        """Is there anything that ``ask`` would ask?"""
        return self._presence_is_right_after(gone) is not None

    def flood(self, conn: str) -> Send:
        """More than the buffers on the way to a stalled tab hold; a small burst if frames must stay tiny."""
        size = min(BIG, (self.policy.max_size or BIG + ENVELOPE) - ENVELOPE)
        burst = -(-self.policy.stall_bytes // size) if size > 0 else 0
        return self.say(conn, size, burst) if 0 < burst <= 1_500 else self.say(conn, 20, 8)

    def _presence_is_right_after(self, gone: bool) -> float | None:
        """Seconds; None if nobody can be asked, or not within a plan."""
        bound = self.policy.t_presence if self.can.presence else None
        ended = max(self.policy.t_release, self.policy.t_detect) if gone else 0.0
        return None if bound is None or max(bound, ended) > MOST_PATIENCE else bound + ended

    def _session(self) -> str | None:
        return next(self.sessions_used) if self.can.sessions else None
