"""Whoever has left is sent nothing more: after an unsubscription, a Close, a refusal, or the end of its token."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.facts_owed import may_be_a_copy
from fuzzer.facts_records import Leave
from fuzzer.history import Dlv, Event, Frame, Joined, Named, OpenRej, Present, SrvClose, Stray, UnsubOk
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement

CLOCK_SET = 0.5
"""Seconds of lateness that may have been a wall clock that was set."""
_DATA = (Dlv, Stray, Frame, Joined, Named, Present, UnsubOk)


def no_delivery_after(facts: Facts) -> Judgement:
    """Data that was sent when the connection was surely no member any more."""
    findings = [*_after_leaving(facts), *_after_its_end(facts), *_after_expiry(facts)]
    first = {f"{f.key}|{f.conns}": f for f in reversed(findings)}
    return Judgement("HF106", _obligations(facts), tuple(reversed(first.values())))


# ---- rooms ---------------------------------------------------------------------------------------------------------


def _after_leaving(facts: Facts) -> Iterator[Finding]:
    """A message to a room that was sent after the leaving was confirmed, and nobody has joined again since."""
    for i, e in facts.deliveries:
        message, conn = facts.messages[e.msg], facts.conns[e.conn]
        leave = None if may_be_a_copy(facts, message, conn) else _left(facts, conn, message.group, message.inv, i)
        if leave is not None:
            said = f"{message.name}, sent to {message.group} after {conn.name} had been told that it has left"
            yield _finding("unsubscribed", conn, (leave.inv, leave.answered, message.inv, i), said)


def _left(facts: Facts, conn: Conn, group: str, sent: int, read: int = NEVER) -> Leave | None:
    """The leaving that was confirmed before ``sent``, if no subscription was begun after it and before ``read``."""
    joined = max((s.inv for s in conn.subscriptions.get(group, ()) if s.inv < read), default=-1)
    leaves = (x for x in conn.leaves.get(group, ()) if joined < x.inv and x.answered < sent)
    mates = [s for c in facts.session_of(conn) if c is not conn for s in c.subscriptions.get(group, ())]
    leaves = (x for x in leaves if not any(x.inv < s.answered and s.inv < read for s in mates))  # another socket
    leaves = (x for x in leaves if not _brought_back(facts, conn, group, x, read))
    if facts.policy.order == "none":  # requests may be handled in any order: an open one to join, after the leaving
        asked = conn.subscriptions.get(group, ())
        leaves = (x for x in leaves if all(s.answered < x.inv for s in asked if s.inv < x.inv))
    return next(
        (x for x in leaves if facts.policy.subscriptions == "once" or not _still_in(facts, conn, group, x)), None
    )


def _brought_back(facts: Facts, conn: Conn, group: str, leave: Leave, read: int) -> bool:
    """May what it said in the room later, or others of its session at any time, have been handled after ``leave``?"""
    if not facts.policy.publish_joins:
        return False
    late = -1 if facts.policy.order == "none" else leave.inv
    names = {mate.name for mate in facts.session_of(conn)}
    said = (m for m in facts.messages.values() if m.group == group and m.conn in names and m.inv < read)
    return any(m.conn != conn.name or m.inv > late for m in said)


def _still_in(facts: Facts, conn: Conn, group: str, leave: Leave) -> int:
    """How many subscriptions are left after ``leave`` in a hub that counts them; leaving a room of none takes none."""
    steps = [(s.inv, 1) for c in facts.session_of(conn) for s in c.subscriptions.get(group, ())]
    steps += [(x.inv, -1) for x in conn.leaves[group]]
    count = 0
    for _, change in sorted(step for step in steps if step[0] <= leave.inv):
        count = max(count + change, 0)
    return count


# ---- ends ----------------------------------------------------------------------------------------------------------


def _after_its_end(facts: Facts) -> Iterator[Finding]:
    """Data behind the server's own Close frame (RFC 6455, 5.5.1), or on a handshake that it had refused."""
    ended: dict[str, int] = {}
    for i, event in enumerate(facts.events):
        if isinstance(event, SrvClose) or (isinstance(event, OpenRej) and event.by == "status"):
            ended.setdefault(event.conn, i)
        elif isinstance(event, _DATA) and event.conn in ended and event.conn in facts.conns:
            yield _behind(facts.conns[event.conn], ended[event.conn], i, facts.events[ended[event.conn]])


def _behind(conn: Conn, end: int, index: int, how: Event) -> Finding:
    if isinstance(how, SrvClose):
        return _finding("closed", conn, (end, index), "data behind the server's own Close frame")
    return _finding("refused", conn, (end, index), "data on a connection that the server had refused")


# ---- tokens --------------------------------------------------------------------------------------------------------


def _after_expiry(facts: Facts) -> Iterator[Finding]:
    """A message that was sent when the token of its reader, or of its sender, had ended t_expiry before."""
    over = _over(facts)
    for i, e in facts.deliveries if over else ():
        message = facts.messages[e.msg]
        for name, what in ((e.conn, "got"), (message.conn, "had delivered")):
            if facts.t(message.inv) > over.get(name, float("inf")):
                said = f"it {what} {message.name}, sent {facts.t(message.inv) - _expires(facts, name):.2f} s after that"
                yield _finding("expired", facts.conns[name], (message.inv, i), said)


def _over(facts: Facts) -> dict[str, float]:
    """When each token had been over for t_expiry healthy seconds."""
    bound = facts.policy.t_expiry
    if bound is None:
        return {}
    brief = [c for c in facts.conns.values() if c.inv.expires is not None and c.inv.token == "brief"]
    brief = [c for c in brief if not _clock_was_set(facts, c)]
    return {c.name: facts.clock.when(_expires(facts, c.name), bound) for c in brief}


def _clock_was_set(facts: Facts, conn: Conn) -> bool:
    """A server goes by the wall clock, and we by one that nobody sets: their disagreement is told as a lateness."""
    last = min(conn.server_end, len(facts.events) - 1)
    return facts.clock.worst_own_lag(facts.t(conn.open_inv), facts.t(last)) >= CLOCK_SET


def _expires(facts: Facts, name: str) -> float:
    expires = facts.conns[name].inv.expires
    return float("inf") if expires is None else expires


# ---- what was checked ----------------------------------------------------------------------------------------------


def _obligations(facts: Facts) -> int:
    """Messages to a room that somebody had left, connections that the server had ended, messages after an expiry."""
    over = _over(facts)
    checked = sum(
        1 for c in facts.conns.values() if c.open_ok != NEVER and c.server_end != NEVER
    )  # a refusal is no proof
    gone = [(facts.conns[name], group) for name, group in dict.fromkeys((n, g) for n, g, _ in facts.unsubscribed)]
    for message in facts.messages.values():
        there = [c for c, group in gone if group == message.group and message.inv < min(c.x, c.server_end)]
        there = [c for c in there if not may_be_a_copy(facts, message, c)]
        checked += sum(1 for c in there if _left(facts, c, message.group, message.inv, message.inv))
        checked += sum(1 for at in over.values() if facts.t(message.inv) > at)
    return checked


_EXPECTED = {
    "unsubscribed": "nothing more of the room once the leaving is confirmed",
    "closed": "nothing after the Close frame",
    "refused": "nothing after the refusal",
    "expired": "no member any more from t_expiry after the end of its token on",
}
_DIALS = {
    "expired": "policy.t_expiry",
    "unsubscribed": "policy.subscriptions, policy.rooms, policy.publish_joins, protocol.unsubscribed (leave it out)",
}


def _finding(key: str, conn: Conn, witness: tuple[int, ...], observed: str) -> Finding:
    return Finding(
        code="HF106",
        strength="violated",
        key=key,
        summary=f"{conn.name} (user {conn.inv.user}) was served after it was {key}: {observed}",
        expected=_EXPECTED[key],
        observed=observed,
        witness=witness,
        conns=(conn.name,),
        proof="order",
        dial=_DIALS.get(key, ""),
    )


INVARIANTS = (
    Invariant(
        "HF106",
        "no-delivery-after",
        "broadcast",
        "Nothing is delivered after a confirmed leaving, after the server's Close, after a refusal, after the token.",
        "The message was sent only after the confirmation was read, it had not joined again, and it had left as often "
        "as it had joined (unless subscriptions = once), and nobody of its session had joined meanwhile; frames of one "
        "connection arrive in the order in which they were written; a token is over only when t_expiry has passed in "
        "healthy time. What was on its way when the leaving was asked for is nobody's fault. Where others are told of "
        "who comes and leaves by the frame that answers, no leaving is confirmed.",
        "policy.t_expiry, policy.subscriptions, protocol.unsubscribed",
        (
            "https://github.com/MassTransit/MassTransit/issues/1588",
            "https://github.com/willowtreeapps/wombats-api/pull/226",
            "https://github.com/home-assistant/core/issues/56760",
        ),
        no_delivery_after,
    ),
)
