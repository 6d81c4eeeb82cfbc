"""How far a hub has come with what a connection had sent to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fuzzer.facts_records import Conn, Message

if TYPE_CHECKING:
    from fuzzer.facts import Facts


def last_heard(messages: Iterable[Message]) -> dict[str, int]:
    """For each sender the last event that shows that the hub has just read something of it."""
    heard: dict[str, int] = {}
    for message in messages:
        if message.got:
            heard[message.conn] = max(heard.get(message.conn, -1), min(message.got.values()))
    return heard


def unseen_senders(messages: Iterable[Message]) -> frozenset[str]:
    """Who has sent something that nobody was seen to get."""
    return frozenset(message.conn for message in messages if not message.got)


def live_readers(facts: Facts, message: Message) -> dict[str, int]:
    """Who read it, and when, other than perhaps out of a store, long after: that proves no broadcast."""
    if facts.policy.replay == "none":
        return message.got
    return {c: at for c, at in message.got.items() if not facts.may_be_history(message, facts.conns[c], at)}


def was_behind(facts: Facts, conn: Conn, until: int, patience: float) -> bool:
    """Was the hub so far behind with what ``conn`` had sent that it may not have come to its Pong in time?

    Nobody reads a Pong that stands behind messages which are still being worked through (in one TCP connection). What
    nobody is seen to get takes it as long, each, as the slowest of those that somebody got.
    """
    mine = [m for m in facts.messages.values() if m.conn == conn.name and m.inv < until]
    took = (_took(facts, m, min(*m.got.values(), until)) for m in mine if m.got)
    if any(seconds >= patience for seconds in took):
        return True
    hidden = [m for m in mine if not m.got and _took(facts, m, until) >= patience]
    slowest = max((_took(facts, m, min(m.got.values())) for m in facts.messages.values() if m.got), default=patience)
    return len(hidden) * slowest >= patience


def _took(facts: Facts, message: Message, until: int) -> float:
    return facts.t(until) - facts.t(message.inv)


def unseen(facts: Facts, conn: Conn) -> bool:
    """Has it sent something that nobody was seen to get? When the hub has read that, nothing shows."""
    return conn.name in facts.unseen
