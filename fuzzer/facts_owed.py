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
                c for c in there[message.group] if facts.policy.echo == "always" or not is_its_own(facts, message, c)
            )
            audience = (c for c in audience if message.inv < min(c.causes["expiry"], c.causes["stop"], c.close_inv))
            yield from ((message, c) for c in audience if facts.is_in(c, message))


def is_its_own(facts: Facts, message: Message, conn: Conn) -> bool:
    """Is it the sender, or one of its session? A hub that spares senders their own may know them by their session."""
    if message.conn == conn.name:
        return True
    by_session = facts.policy.sessions == "takeover" and conn.inv.session is not None
    return by_session and any(mate.name == message.conn for mate in facts.session_of(conn))


def may_be_a_copy(facts: Facts, message: Message, conn: Conn) -> bool:
    """May what ``conn`` read be the answer to who published, wherever that went, and no part of the broadcast?

    An old connection of a session that was taken over may be answered on the newest."""
    return facts.policy.echo != "never" and is_its_own(facts, message, conn)
