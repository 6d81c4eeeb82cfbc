"""Which messages a hub owes to which connections, and which of them may have come in a form that cannot be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fuzzer.facts_records import Conn, Message

if TYPE_CHECKING:
    from fuzzer.facts import Facts

Pair = tuple[Message, Conn]


class Owed:
    """``pairs`` (m, c) satisfy (a), (b) and (e) of MUST (SPEC 2.2); whether (c) and (d) hold is for the proof to say.

    ``unread`` would, too, but a frame that nothing says how to read came to c with the id of m in it.
    """

    def __init__(self, facts: Facts) -> None:
        self.pairs: list[Pair] = []
        self.unread: list[Pair] = []
        for message, conn in _all(facts):
            veiled = conn.name in message.unread and conn.name not in message.got
            (self.unread if veiled else self.pairs).append((message, conn))


def _all(facts: Facts) -> Iterator[Pair]:
    there: dict[str, list[Conn]] = defaultdict(list)
    for conn in facts.conns.values():
        for group in conn.episodes if conn.honest else ():
            there[group].append(conn)
    for message in facts.messages.values():
        sender = facts.conns[message.conn]
        if facts.publishes(sender, message):
            audience = (
                c for c in there[message.group] if facts.policy.echo == "always" or not _is_its_own(facts, sender, c)
            )
            audience = (c for c in audience if message.inv < min(c.causes["expiry"], c.causes["stop"], c.close_inv))
            yield from ((message, c) for c in audience if facts.is_in(c, message))


def _is_its_own(facts: Facts, sender: Conn, conn: Conn) -> bool:
    """Is it the sender, or one of its session? A hub that spares senders their own may know them by their session."""
    return conn is sender or any(mate is sender for mate in facts.session_of(conn))
