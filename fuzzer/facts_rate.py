"""From when on what a connection sends may be above ``policy.rate``, which it may share with others (``rate_scope``).

How fast messages came in is for the server to see alone, so that all of a plan count. Those of different connections
may be handled in another order than they were sent in: of one that is not seen to be handled before another was sent,
that other may have used up the rate.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING

from fuzzer.facts_passing import cut_messages, is_cut
from fuzzer.facts_records import NEVER, Conn
from fuzzer.history import Event, SendInv, SubInv, UnsubInv

if TYPE_CHECKING:
    from fuzzer.facts import Facts


class Rate:
    """The rate of one history, counted over the right scope."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._most = facts.policy.rate
        self._scope = facts.policy.rate_scope

    def above(self, conn: Conn) -> int:
        """From where on what it sends may be above the rate, and it may be closed for that, as may who shares it.

        The opening counts as one, since a token may be the first message."""
        if self._most is None:
            return NEVER
        if self._scope in ("ip", "global"):
            return conn.open_inv  # what hubfuzz itself has sent may have left nothing
        own = self._frames[conn.name]
        if self._scope == "connection":
            return _number(own, self._most)
        others = sorted(i for c in self._facts.of_user(conn.inv.user) if c is not conn for i in self._frames[c.name])
        return min(self._overtaken(conn, others, self._most), _number(sorted(own + others), self._most))

    def _overtaken(self, conn: Conn, others: list[int], most: int) -> int:
        """The first of its messages before which the hub may have come to ``most`` of its own and of others."""
        for number, i in enumerate(self._frames[conn.name]):
            if number + bisect_left(others, self._handled(conn, i)) >= most:
                return i
        return NEVER

    def _handled(self, conn: Conn, index: int) -> int:
        """When it was surely counted: somebody got it, or (in order) something that it sent later to the same group."""
        facts, event = self._facts, self._facts.events[index]
        got = facts.messages[event.msg].got.values() if isinstance(event, SendInv) else ()
        return min(*got, facts.heard_since(conn, index - 1, _group(event)), NEVER)

    @cached_property
    def _frames(self) -> dict[str, list[int]]:
        """By connection: what a hub may count of it."""
        facts, cut = self._facts, cut_messages(self._facts.history)
        said = {conn.name: sorted([*conn.spoke, *conn.garbage]) for conn in facts.conns.values()}
        return {name: [i for i in said[name] for _ in range(_frames(facts.events[i], cut))] for name in said}


def _number(frames: list[int], number: int) -> int:
    return frames[number] if number < len(frames) else NEVER


def _group(event: Event) -> str | None:
    if isinstance(event, SendInv):
        return event.group
    return f"room:{event.room}" if isinstance(event, SubInv | UnsubInv) else None


def _frames(event: Event, cut: frozenset[str]) -> int:
    """A message in fragments is two frames with a ping between them, and a hub may count frames."""
    return 3 if isinstance(event, SendInv) and is_cut(event.msg, cut) else 1
