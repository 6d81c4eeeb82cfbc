"""Silence: when a message that has not arrived may be called lost although nothing later arrived either (SPEC 2.2, 3).

Only when a fence failed, the deadline has passed in healthy time since the message was sent and since anything sent
before it last came in, or anything of its sender anywhere (a backlog is progress, not silence), and neither end has
given the server a right to stop. Behind what nobody can see, since its sender is alone in another group, it takes a
deadline more.
"""

from __future__ import annotations

from fuzzer.facts import NEVER, Conn, Facts, Message
from fuzzer.facts_backlog import frame_bytes
from fuzzer.facts_progress import BLOCKING_VOLUME
from fuzzer.history import CloseInv

CONTROLS_NEEDED = 3


class Silence:
    """(m, c) was still missing when the fence at ``until`` failed; ``since`` counts the healthy seconds before."""

    def __init__(self, facts: Facts, message: Message, conn: Conn, since: int, until: int) -> None:
        self.facts, self.message, self.conn, self.until = facts, message, conn, until
        self.since = max(since, _last_progress(message, conn, facts, since, until))
        self.healthy = facts.healthy(facts.t(self.since), facts.t(until))

    @property
    def proved(self) -> bool:
        """Did the deadline really pass while the server answered others?

        A lossless hub may have to make senders wait for a reader that stalls: there a delay proves nothing.
        """
        facts = self.facts
        others = facts.conns.values() if facts.policy.slow_consumer == "lossless" else ()
        if any(other.was_deaf(self.since, self.until) for other in others):
            return False
        good = facts.clock.good_round_trips(facts.t(self.since), facts.t(self.until))
        return self.healthy >= facts.policy.deadline * (2 if self._behind_unseen() else 1) and good >= CONTROLS_NEEDED

    def _behind_unseen(self) -> bool:
        """Had its sender sent something to another group, that nobody was seen to get? It may stand behind that."""
        mine = (m for m in self.facts.messages.values() if m.conn == self.message.conn and m.inv < self.message.inv)
        return any(not m.got and m.group != self.message.group for m in mine)

    @property
    def receiver_owed(self) -> bool:
        """Nothing has happened to the receiver that lets the server off, nor has it begun to leave the group."""
        return self._stays(self.conn) and _there(self.conn, self.until) and not self._may_be_crowded_out()

    def _may_be_crowded_out(self) -> bool:
        """May a full queue for the receiver have had no room for the message?

        It has as long as anything comes out of it. A hub that gives a reader nothing at all for so long is not short
        of room: what waits would come, and so would something of what follows.
        """
        policy, message, conn = self.facts.policy, self.message, self.conn
        full = [max(start, message.inv) for start, end in conn.crowded if start <= self.until and end > message.inv]
        if policy.slow_consumer == "lossless" or not full:
            return False
        read = (m.got.get(conn.name, NEVER) for m in self.facts.messages.values())
        came = any(min(full) < i < self.until for i in (*read, *conn.besides))
        return came or frame_bytes(self.facts, message) > (policy.backlog or NEVER)

    @property
    def sender_owed(self) -> bool:
        """The hub had to take the message: the sender is there still, or by dial has closed in good order."""
        sender = self.facts.conns[self.message.conn]
        return self._stays(sender) and (_there(sender, self.until) or self._sent_then_closed(sender))

    def _stays(self, conn: Conn) -> bool:
        stay = conn.stay(self.message.group, self.message.inv)
        return stay is not None and stay.end > self.until

    def _sent_then_closed(self, sender: Conn) -> bool:
        if self.facts.policy.send_then_close != "must" or not sender.x == sender.close_inv < sender.close_ok:
            return False
        close = self.facts.events[sender.close_inv]
        return sender.close_ok < self.until and isinstance(close, CloseInv) and close.code in (1000, 1001)

    @property
    def blocker(self) -> Conn | None:
        """Another connection that does not read at that time, and to which enough was sent that writes may block.

        It decides only under which name a silence is reported, never whether it is one.
        """
        not_deaf = (self.conn.name, self.message.conn)
        return next((other for other in blockers(self.facts, self.until) if other.name not in not_deaf), None)


def silence(facts: Facts, message: Message, conn: Conn, since: int) -> Silence | None:
    """The first failed fence after ``since`` at which (m, c) was still missing."""
    got = message.got.get(conn.name, NEVER)
    until = next((i for i in facts.failed_fences if since < i < got), None)
    return None if until is None else Silence(facts, message, conn, since, until)


def blockers(facts: Facts, at: int) -> list[Conn]:
    """Connections that do not read at ``at``, and to which enough was sent since that writes to them may block."""
    deaf = ((c, c.deaf_since(at)) for c in facts.conns.values() if c.faults or c.drops)
    return [c for c, since in deaf if since < at and _volume(facts, c, since, at) >= BLOCKING_VOLUME]


def _there(conn: Conn, at: int) -> bool:
    return conn.owed_until > at and conn.server_end > at


def _volume(facts: Facts, conn: Conn, since: int, at: int) -> int:
    """Characters sent to the groups of ``conn`` since it stopped reading."""
    return sum(m.size for m in facts.messages.values() if since < m.inv < at and m.group in conn.episodes)


def _last_progress(message: Message, conn: Conn, facts: Facts, since: int, until: int) -> int:
    """The last arrival, before ``until``, of anything sent before ``since`` on ``conn``, or anywhere of the message or
    of anything that anybody had sent before it, or an answer to what anybody had asked: a hub that still works its way
    through these, reader by reader, has not come to the message. All of it may stand in one inbox.
    """
    there = (m.got.get(conn.name, NEVER) for m in facts.messages.values() if m.inv < since)
    ahead = (at for m in facts.messages.values() if m.inv <= message.inv for at in facts.came_out[m.name])
    asked = (ask for c in facts.conns.values() for ask in facts.requests[c.name])
    answered = (at for inv, at in asked if inv < since)
    return max((i for i in (*there, *ahead, *answered) if i < until), default=-1)
