"""Whom a hub evicts to keep its limit: only when it must, only of that user, only the oldest (SPEC 2.6).

An eviction is a close with a code of ``policy.limit.codes`` on a connection that had joined and gave no other cause.
That too few go is the business of HF201.
"""

from __future__ import annotations

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.facts_lateness import was_given_up
from fuzzer.history import SrvClose
from fuzzer.invariants.registry import Invariant
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement


def eviction(facts: Facts) -> Judgement:
    """A connection was evicted that should have stayed."""
    gone = [conn for conn in facts.conns.values() if evicted(facts, conn)]
    found = (_wrong(facts, conn) or _needless(facts, conn) for conn in gone)
    return Judgement("HF204", len(gone), tuple(f for f in found if f is not None))


def evicted(facts: Facts, conn: Conn) -> bool:
    """Was it closed because of the limit, as a member that had given no other cause?"""
    limit = facts.policy.limit
    if limit is None or not conn.honest or not conn.je < conn.server_end < conn.own_cause:
        return False
    event = facts.events[conn.server_end]
    return isinstance(event, SrvClose) and event.code in limit.codes


def _wrong(facts: Facts, conn: Conn) -> Finding | None:
    """Somebody who had surely joined before ``conn`` even began was still a member after it was told to go."""
    limit = facts.policy.limit
    if limit is None or limit.over != "evict-oldest":
        return None
    mates = (c for c in facts.slots.sharing(conn) if c is not conn and c.honest)
    mates = (c for c in mates if c.own_cause > conn.server_end and not was_given_up(facts, c))
    elders = [c for c in mates if c.je < facts.born(conn) and _outlives(facts, c, conn.server_end)]
    if not elders or _all_go(facts, conn, elders, limit.max):
        return None
    older = elders[0]
    said = f"{older.name}, which had joined before {conn.name} was opened, was still a member afterwards"
    witness = (older.je, conn.open_inv, conn.server_end, older.le)
    return _finding(facts, conn, "wrong", f"the oldest, such as {older.name}, goes", said, witness, (older.name,))


def _outlives(facts: Facts, elder: Conn, end: int) -> bool:
    """Was it a member after ``end``, beyond the time that its own eviction may take?"""
    bound = facts.policy.t_evict
    return elder.le > end and (not bound or facts.healthy(facts.t(end), facts.t(elder.le)) >= bound)


def _all_go(facts: Facts, conn: Conn, elders: list[Conn], limit: int) -> bool:
    """Had so many to go that the elders were among them, and did they all? Then ``conn`` was just told first.

    With ``t_evict`` each process may look for itself, at any time since ``conn`` was there: an elder may stay if so
    many are no longer there when its own process looks.
    """
    at = facts.t(conn.je if facts.policy.t_evict else conn.server_end)
    there = [conn, *facts.possible_others(conn, conn.server_end, at)]
    most = len(there) + facts.slots.outside(conn.server_end, at)
    if most - limit <= len(elders):
        return False
    return all(evicted(facts, c) for c in elders) or not _still_above(facts, conn, limit)


def _still_above(facts: Facts, conn: Conn, limit: int) -> bool:
    """Were surely more than the limit there after ``conn`` was told to go, for as long as evictions may take?"""
    if not facts.policy.t_evict:
        return True
    there = [c for c in facts.slots.sharing(conn) if c.honest and c.je < conn.server_end < c.own_cause]
    return sum(_outlives(facts, c, conn.server_end) for c in there) > limit


def _needless(facts: Facts, conn: Conn) -> Finding | None:
    limit = facts.policy.limit
    if limit is None or conn.causes.get("evict", NEVER) < conn.server_end:
        return None
    others = [] if limit.shared else [c for c in facts.conns.values() if c.inv.user != conn.inv.user]
    strangers = [c.name for c in others if _makes_full(facts, c, conn)]
    witness = (conn.je, conn.server_end)
    if strangers:
        said = f"only another user ({', '.join(strangers)}) could be above {limit.max}"
        return _finding(facts, conn, "foreign", "one of that user's own connections goes", said, witness)
    who = "all users together" if limit.shared else f"user {conn.inv.user}"
    said = f"{who} had no more connections than {limit.max}, or others were surely older"
    return _finding(facts, conn, "needless", f"{conn.name} stays open", said, witness)


def _makes_full(facts: Facts, opened: Conn, victim: Conn) -> bool:
    """Did this opening, while ``victim`` was there, bring its user above the limit?"""
    evictable = (c.causes.get("evict", NEVER) == opened.open_inv for c in facts.of_user(opened.inv.user))
    return victim.open_inv < opened.open_inv < victim.server_end and any(evictable)


def _finding(
    facts: Facts, conn: Conn, key: str, expected: str, said: str, witness: tuple[int, ...], mates: tuple[str, ...] = ()
) -> Finding:
    late = key != "wrong" and facts.may_be_given_up(conn, conn.server_end)
    return Finding(
        code="HF204",
        strength="inconclusive" if late else "violated",
        key=key,
        summary=f"{conn.name} (user {conn.inv.user}) was evicted, which was {key}",
        expected=expected,
        observed=said + ("; but hubfuzz or the server was late" if late else ""),
        witness=witness,
        conns=(conn.name, *mates),
        proof="order",
        dial='policy.limit.over = "evict-any", policy.t_evict' if key == "wrong" else "policy.limit",
    )


def _evicts(policy: Policy) -> bool:
    return policy.limit is not None and policy.limit.over != "reject" and bool(policy.limit.codes)


INVARIANTS = (
    Invariant(
        "HF204",
        "eviction",
        "limit",
        "Only a user above the limit loses a connection to it, and only its oldest.",
        "Needless: at no opening could the user be above the limit without an older one to go. Wrong: an older one, "
        "joined before this one was opened and had not begun to leave, was in the audience of a message that another "
        "one sent after the eviction was read (and t_evict had passed). "
        "Where all users share the limit, all of them count, and the control pair for younger ones. "
        "Openings that overlap may be evicted in any order; who takes over a session may inherit its age.",
        "policy.limit",
        (
            "https://github.com/cube-js/cube/pull/11667",
            "https://github.com/use-novamira/novamira/issues/76",
            "https://github.com/iterate/iterate/pull/2436",
        ),
        eviction,
        _evicts,
    ),
)
