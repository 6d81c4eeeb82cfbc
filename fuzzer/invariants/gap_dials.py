"""What a loss by gap may mean if the hub is right: limits that it has and that the target file does not declare.

Nothing here acquits: it says which dials fit what was seen, and what the hub itself said of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fuzzer.facts import Conn, Facts, Message
from fuzzer.target.redact import without_tokens

LITTLE: Final = 64
"""Bytes of a body that no hub calls too large."""
SEVERAL: Final = 4
"""Messages that have to wait for one reader before its queue may be full: no hub has a shorter one."""
MANY: Final = 8
"""Messages of one sender, or of one user, before a hub may think that they come too fast."""
SHOWN: Final = 80


def likeliest_dials(facts: Facts, message: Message, conn: Conn) -> str:
    """The dials that would silence the loss of ``message`` on ``conn``, the likeliest first."""
    return ", ".join((*_fitting(facts, message, conn), 'policy.order = "none"'))


def _fitting(facts: Facts, message: Message, conn: Conn) -> Iterator[str]:
    if said_of_it(facts, message):
        yield "protocol.not_published (if what the hub said means that)"
    if _is_largest(facts, message):
        yield "policy.max_size"
    if facts.passing.in_fragments(message):
        yield "policy.fragments = false"
    if _is_odd(facts, message):
        yield 'policy.body = "plain"'
    if facts.policy.slow_consumer != "lossless" and _on_the_way(facts, message, conn) >= SEVERAL:
        yield "policy.backlog"
    yield from _rate(facts, message)


def _is_odd(facts: Facts, message: Message) -> bool:
    """Is its body no plain text, but of a kind that no body which came anywhere from its sender is of?"""
    fill = facts.passing.fill(message)
    came = (m for m in _of_sender(facts, message) if m.got and not facts.passing.is_plain(m))
    odd = fill is not None and not facts.passing.is_plain(message) and not message.got
    return odd and all(facts.passing.fill(m) != fill for m in came)


def _rate(facts: Facts, message: Message) -> Iterator[str]:
    """Was so much sent before it that it may have come too fast, by its sender alone or by its user's tabs together?"""
    tabs = {conn.name for conn in facts.of_user(facts.conns[message.conn].inv.user)}
    before = [m.conn for m in facts.messages.values() if m.inv < message.inv]
    own, users = before.count(message.conn), sum(conn in tabs for conn in before)
    if users >= MANY:
        yield "policy.rate" if users == own else "policy.rate, policy.rate_scope"


def _is_largest(facts: Facts, message: Message) -> bool:
    """Is its body larger than any of its sender that came anywhere?"""
    came = (_bytes(facts, m) for m in _of_sender(facts, message) if m.got)
    return _bytes(facts, message) > max(LITTLE, *came)


def _bytes(facts: Facts, message: Message) -> int:
    return message.size * facts.width(message)


def _of_sender(facts: Facts, message: Message) -> Iterator[Message]:
    return (m for m in facts.messages.values() if m.conn == message.conn and m is not message)


def _on_the_way(facts: Facts, message: Message, conn: Conn) -> int:
    """How many were sent before it and read by ``conn`` after it was sent."""
    others = (m for m in facts.messages.values() if conn.name in m.got)
    return sum(m.inv < message.inv < m.got[conn.name] for m in others)


def said_of_it(facts: Facts, message: Message) -> str:
    """The first frame that came to its sender afterwards and that the target file does not name, as more text.

    Many hubs say so when they refuse a message; what they say is theirs, so it is a hint and no proof.
    """
    frames = (e.text for i, e in facts.frames if e.conn == message.conn and i > message.inv and not e.known)
    first = next(frames, None)
    if first is None:
        return ""
    text = without_tokens(first)
    return f"; to {message.conn} the hub said: {text[:SHOWN]}{'…' * (len(text) > SHOWN)}"
