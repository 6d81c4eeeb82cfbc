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


def unseen(facts: Facts, conn: Conn) -> bool:
    """Has it sent something that nobody was seen to get? When the hub has read that, nothing shows."""
    return conn.name in facts.unseen
