"""How far a hub has come with what a connection had sent to it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fuzzer.facts_records import NEVER, Conn, Message

if TYPE_CHECKING:
    from fuzzer.facts import Facts

BLOCKING_VOLUME = 32_768  # characters; the smallest socket buffers hold less


def last_heard(facts: Facts) -> dict[str, int]:
    """For each connection the last event that shows that the hub has just read something of it."""
    heard: dict[str, int] = defaultdict(lambda: -1)
    for conn in facts.conns.values():
        for _, answered in facts.requests[conn.name]:
            heard[conn.name] = max(heard[conn.name], answered if answered != NEVER else -1)
    for message in facts.messages.values():
        if message.got:
            heard[message.conn] = max(heard[message.conn], *facts.came_out[message.name])
    return heard


def requests_of(facts: Facts, conn: Conn) -> list[tuple[int, int]]:
    """What it asked for, to join, to leave, or who is there: when it asked, and when that had surely been handled.

    There are protocols without an answer to some of it; then a message that was sent later, and came, shows it.
    """
    joins = ([s for s in some if s.episode.asked] for some in conn.subscriptions.values())
    asked = (*joins, *conn.leaves.values(), facts.answers.get(conn.name, ()))
    spans = [(one.inv, one.answered) for some in asked for one in some]
    return [(inv, facts.heard_since(conn, inv) if answered == NEVER else answered) for inv, answered in spans]


def unseen_senders(facts: Facts) -> frozenset[str]:
    """Who has sent something that nobody was seen to get, or asked for something that was not answered."""
    asked = (c for c in facts.conns.values() if any(answered == NEVER for _, answered in facts.requests[c.name]))
    return frozenset([*(m.conn for m in facts.messages.values() if not m.got), *(conn.name for conn in asked)])


def live_readers_of(facts: Facts, message: Message) -> dict[str, int]:
    """Who read it, and when, other than perhaps out of a store, long after: that proves no broadcast."""
    if facts.policy.replay == "none":
        return message.got
    return {c: at for c, at in message.got.items() if not facts.may_be_history(message, facts.conns[c], at)}


def came_out(facts: Facts, message: Message) -> list[int]:
    """When: to one reader after the other, perhaps, which is not over with the first."""
    return [*sorted(message.got.values())[:1], *facts.live_readers[message.name].values()]


def was_behind(facts: Facts, conn: Conn, until: int, patience: float) -> bool:
    """Was the hub so far behind with what ``conn`` had sent that it may not have come to its Pong in time?

    Nobody reads a Pong that stands behind messages which are still being worked through (in one TCP connection). What
    nobody is seen to get takes it as long, each, as the slowest of those that somebody got.
    """
    done = [(m.inv, min(m.got.values(), default=NEVER)) for m in facts.messages.values() if m.conn == conn.name]
    mine = [(sent, read) for sent, read in (*done, *facts.requests[conn.name]) if sent < until]
    took = (facts.t(min(read, until)) - facts.t(sent) for sent, read in mine if read != NEVER)
    if any(seconds >= patience for seconds in took):
        return True
    under_way = (m for m in facts.messages.values() if m.conn == conn.name and m.inv < until < m.ok)
    if any(facts.t(until) - facts.t(m.inv) >= patience for m in under_way):
        return True  # our Pong is still behind it
    hidden = [sent for sent, read in mine if read == NEVER and facts.t(until) - facts.t(sent) >= patience]
    seen = (facts.t(min(m.got.values())) - facts.t(m.inv) for m in facts.messages.values() if m.got)
    return len(hidden) * max(seen, default=patience) >= patience


def held_up_until(facts: Facts, conn: Conn) -> int:
    """Until when the hub may have been passing on what ``conn`` had sent to one that did not read; -1: it was not."""
    ends = [-1]
    for other in facts.conns.values():
        for start, end in other.deaf if other is not conn else ():
            sent = [m for m in facts.messages.values() if start < m.inv < end and m.group in other.episodes]
            mine = any(m.conn == conn.name for m in sent)
            if mine and sum(m.size for m in sent) >= BLOCKING_VOLUME:
                ends.append(end)
    return max(ends)


def unseen(facts: Facts, conn: Conn) -> bool:
    """Has it sent something that nobody was seen to get? When the hub has read that, nothing shows."""
    return conn.name in facts.unseen
