"""A plan in the making, with what a correct hub would have made of it so far.

The draft expects; it never asks a server. It only keeps generation from spending ops on connections that were
surely refused or evicted: the executor skips those. A wrong expectation costs a skip, never a false verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from fuzzer.plan import (
    Batch,
    Close,
    Drop,
    Finish,
    Malformed,
    Mute,
    Op,
    Open,
    Plan,
    Resume,
    Send,
    Separator,
    Stall,
    Subscribe,
    Unsubscribe,
)
from fuzzer.plan_ranges import at_least
from fuzzer.plan_rules import connection_symbol
from strategies.shape import Shape
from strategies.swarm import Swarm

Standing = Literal["live", "refused", "gone", "hung", "held"]


@dataclass(slots=True)
class Tab:
    """One connection as it is expected to be.

    ``hung``: gone without a word, so it may still hold its slot; ``held``: in its opening handshake. ``brief``: its
    token runs out.
    """

    name: str
    user: str
    session: str | None = None
    standing: Standing = "live"
    stalled: bool = False
    mute: bool = False
    brief: bool = False
    rooms: frozenset[str] = frozenset()


@dataclass(slots=True)
class Draft:
    """Batches so far and the tabs that they leave behind. ``strokes`` and ``floods`` are what may still follow."""

    shape: Shape
    swarm: Swarm = field(default_factory=Swarm)
    batches: list[Batch] = field(default_factory=list)
    tabs: dict[str, Tab] = field(default_factory=dict)
    schedule_seed: int = 0
    names: dict[str, str] = field(default_factory=dict)
    cycles: int = 1
    strokes: int = 0
    floods: int = 0
    issued: dict[str, int] = field(default_factory=dict)

    def plan(self) -> Plan:
        """The finished plan; messages without a size have the least that the hub surely takes."""
        plan = Plan(batches=tuple(self.batches), schedule_seed=self.schedule_seed, cycles=self.cycles)
        named = {user: name for user in plan.users() if (name := self.names.get(user))}
        return at_least(msgspec.structs.replace(plan, names=named), self.shape.min_size)

    def fork(self) -> Draft:
        """A copy to try things on."""
        tabs = {name: replace(tab) for name, tab in self.tabs.items()}
        return replace(self, batches=list(self.batches), tabs=tabs, issued=dict(self.issued))

    def new(self, prefix: str) -> str:
        """A fresh symbol: ``m0``, ``s0``; for connections (prefix empty) ``a`` to ``z``, ``aa``."""
        number = self.issued.get(prefix, 0)
        self.issued[prefix] = number + 1
        symbol = f"{prefix}{number}" if prefix else connection_symbol(number)
        return self.new("") if symbol in self.tabs else symbol

    def live(self, user: str | None = None) -> list[Tab]:
        """Tabs that are expected to be members now, oldest first; of one user, or of all."""
        return [tab for tab in self.tabs.values() if tab.standing == "live" and user in (None, tab.user)]

    def holding(self, user: str) -> int:
        """How many slots of the limit this user, and whoever shares it, is expected to hold.

        No heartbeat is as fast as a plan.
        """
        mates = [tab for tab in self.tabs.values() if self.shape.shared or tab.user == user]
        return sum(tab.standing in ("live", "hung") for tab in mates)

    def room_for(self, user: str) -> int | None:
        """The most live connections that this user is expected to be able to have now; None: any number."""
        if self.shape.limit is None or not self.shape.shared:
            return self.shape.limit
        others = sum(tab.user != user and tab.standing in ("live", "hung") for tab in self.tabs.values())
        return max(1, self.shape.limit - others)

    def users(self) -> tuple[str, ...]:
        """Users that have opened something."""
        return tuple(dict.fromkeys(tab.user for tab in self.tabs.values()))

    def unfinished(self) -> bool:
        """May more batches follow? (A stroke that has begun goes on to its end.)"""
        return len(self.batches) < self.shape.max_batches

    def append(self, batch: Batch) -> None:
        """Add a batch and expect its effects, in the order of release."""
        self.batches.append(batch)
        if batch.wait and self.shape.expiry is not None and batch.wait >= self.shape.expiry:
            self._end([tab for tab in self.tabs.values() if tab.brief])
        for op in batch.ops:
            self._expect(op)
        if batch.restart:
            self._end(self.tabs.values())

    def _end(self, tabs: Iterable[Tab]) -> None:
        for tab in tabs:
            tab.standing = "gone"

    def _expect(self, op: Op) -> None:
        if isinstance(op, Open):
            self._expect_open(op)
            return
        if isinstance(op, Finish):
            tab = self.tabs.get(op.conn)
            if tab is not None and tab.standing == "held":
                tab.standing = self._admit(tab.user)
            return
        if isinstance(op, Send):
            self.issued["m"] = max(self.issued.get("m", 0), _number(op.msg))
            self.floods -= op.size * op.count >= self.shape.stall_bytes
        if (tab := self.tabs.get(op.conn)) is not None:
            _expect_on(tab, op)

    def _expect_open(self, op: Open) -> None:
        self._note_issued(op)
        good = op.token in ("valid", "brief")
        standing: Standing = "gone" if op.abandon else "held" if op.held else "live" if good else "refused"
        if standing == "live":
            self._take_over(op)
            standing = self._admit(op.user)
        self.tabs[op.conn] = Tab(
            name=op.conn, user=op.user, session=op.session, standing=standing, brief=op.token == "brief"
        )

    def _note_issued(self, op: Open) -> None:
        self.issued[""] = max(self.issued.get("", 0), len(self.tabs) + 1)
        if op.session is not None:
            self.issued["s"] = max(self.issued.get("s", 0), _number(op.session))

    def _take_over(self, op: Open) -> None:
        for tab in self.live(op.user) if self.shape.takeover and op.session else []:
            tab.standing = "gone" if tab.session == op.session else tab.standing

    def _admit(self, user: str) -> Standing:
        limit = self.shape.limit
        if limit is None or self.holding(user) < limit:
            return "live"
        if self.shape.over == "evict-oldest" and (oldest := self.live(None if self.shape.shared else user)):
            oldest[0].standing = "gone"
            return "live"
        return "refused"


@dataclass(slots=True)
class Turn:
    """One batch in the making: every connection at most once, none that this batch itself opens."""

    draft: Draft
    ops: list[Op] = field(default_factory=list)

    def free(self, user: str | None = None) -> list[Tab]:
        """Live tabs that this batch does not use yet."""
        used = {op.conn for op in self.ops}
        return [tab for tab in self.draft.live(user) if tab.name not in used]

    def held(self, user: str | None = None) -> list[Tab]:
        """Tabs in the middle of their opening handshake that this batch does not use yet."""
        used = {op.conn for op in self.ops}
        tabs = (tab for tab in self.draft.tabs.values() if tab.standing == "held" and user in (None, tab.user))
        return [tab for tab in tabs if tab.name not in used]

    def opening(self) -> int:
        """How many opens are in this batch already."""
        return sum(isinstance(op, Open) for op in self.ops)

    def may_open(self) -> bool:
        """Does the shape allow one more connection?"""
        return len(self.draft.tabs) + self.opening() < self.draft.shape.max_conns

    def finish(self, after: Separator = "fence") -> tuple[Batch, ...]:
        """Append the batch to the draft if there is anything in it; returns it, or nothing."""
        if not self.ops:
            return ()
        batch = Batch(ops=tuple(self.ops), after=after)
        self.draft.append(batch)
        return (batch,)


def _expect_on(tab: Tab, op: Op) -> None:
    match op:
        case Malformed(kind="not-a-command"):
            pass  # most hubs say so and go on
        case Close() | Malformed():
            tab.standing = "gone"
        case Drop():
            tab.standing = "hung" if op.how == "vanish" else "gone"
        case Stall() | Resume():
            tab.stalled = isinstance(op, Stall)
        case Mute():
            tab.mute = True
        case Subscribe():
            tab.rooms |= {op.room}
        case Unsubscribe():
            tab.rooms -= {op.room}
        case _:
            pass


def _number(symbol: str) -> int:
    return int(symbol[1:]) + 1 if symbol[1:].isdecimal() else 0
