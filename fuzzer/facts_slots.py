"""Who shares a limit, and how many of its slots hubfuzz itself may hold outside of the plan (``limit.scope``).

Where connections of different users share a limit, the control pair takes slots, and what earlier plans left behind may
hold some for t_release or t_detect. A history says so in ``Outsiders``. They acquit as possible occupants do; they
convict only where round trips of the pair prove that its connections were members.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from fuzzer.facts_records import Conn
from fuzzer.history import Control, Outsiders

if TYPE_CHECKING:
    from fuzzer.facts import Facts


class Proved(NamedTuple):
    """From ``je`` on until the sending at ``le`` all ``number`` connections of the control pair were members."""

    je: int
    le: int
    number: int


class Slots:
    """The limit of one history, counted over the right scope."""

    def __init__(self, facts: Facts) -> None:
        limit = facts.policy.limit
        self._facts = facts
        self._max = limit.max if limit is not None else 0
        self.shared = limit is not None and limit.shared
        own = enumerate(facts.events) if self.shared else ()
        self.outsiders = [(i, e) for i, e in own if isinstance(e, Outsiders)]

    def groups(self) -> list[tuple[str, list[Conn]]]:
        """The connections that share one limit, with the user whose they are; of all of them, an empty name."""
        if self.shared:
            return [("", list(self._facts.conns.values()))]
        return sorted(self._facts.users.items())

    def sharing(self, conn: Conn) -> list[Conn]:
        """All connections, itself among them, that share a limit with ``conn``, in the order of their opening."""
        return list(self._facts.conns.values()) if self.shared else self._facts.of_user(conn.inv.user)

    def outside(self, upto: int, at: float) -> int:
        """How many slots others than the plan may hold before the event ``upto``; those of earlier plans at ``at``."""
        if not self.outsiders:
            return 0
        left = sum(self._held(stop) for stop in self._facts.release.kept(upto, at))
        return self._held(upto) + left + (self._max if self._earlier_may_be_there(at) else 0)

    def _held(self, upto: int) -> int:
        return max((e.held for i, e in self.outsiders if i < upto), default=0)

    def _earlier_may_be_there(self, at: float) -> bool:
        if not any(e.earlier or e.left for _, e in self.outsiders):
            return False
        policy, start = self._facts.policy, self._facts.t(self.outsiders[0][0])
        late = self._facts.healthy(start, at) < max(policy.t_release, policy.t_detect, self.outsiders[0][1].left)
        return late or self._facts.release.left_behind(start, at)

    def _may_be_leaving(self, told: Outsiders, end: int) -> bool:
        """One that reads its own messages back, and did not stay, may have been taken off the lists to make room."""
        limit = self._facts.policy.limit
        evicts = limit is not None and limit.over != "reject"
        return evicts and told.pair == 1 and end < len(self._facts.events)

    def proved(self) -> Iterator[Proved]:
        """When the control pair surely held slots: between its openings, since each of them has received a message; and
        not beyond the end of a server process, whatever was told of it."""
        ends = [*(i for i, _ in self.outsiders), len(self._facts.events)][1:]
        for (start, told), end in zip(self.outsiders, ends, strict=False):
            end = min((stop for stop, _ in self._facts.outages if start < stop < end), default=end)
            if self._may_be_leaving(told, end):
                continue
            between = enumerate(self._facts.events[start:end], start)
            good = [(i, e) for i, e in between if isinstance(e, Control) and e.ok]
            if len(good) > told.pair:
                joined, last = good[told.pair - 1][0], good[-told.pair][1]
                yield Proved(joined, self._facts.index_at(last.since), told.pair)
