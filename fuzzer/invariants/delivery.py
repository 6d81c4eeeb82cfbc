"""Every message reaches every member that was owed it (SPEC 2.2), also when its sender drops (SPEC 2.4).

A loss is concluded in one of two ways only. *Gap*: a later message of the same sender to the same group was delivered
on the connection, and this one was not; under fifo no timer is needed, and it holds whoever has dropped since (etcd's
"Reliable"). *Deadline*: a fence failed, and the policy's deadline has passed in healthy time, that is, while an
unrelated control pair was answered; sender and receiver must both still be owed.
"""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.facts import NEVER, Conn, Facts, Message
from fuzzer.invariants.registry import Invariant
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement

CONTROLS_NEEDED = 3
BLOCKING_VOLUME = 32_768  # characters; the smallest socket buffers hold less


def delivery(facts: Facts) -> Judgement:
    """Losses by gap, and losses in silence that no stalled neighbour explains."""
    findings: dict[str, Finding] = {}
    obligations = 0
    for message, conn in owed_pairs(facts):
        obligations += 1
        if conn.name in message.got:
            continue
        found = _by_gap(facts, message, conn) or _by_deadline(facts, message, conn)
        if found is not None:
            findings.setdefault(f"{conn.name}|{found.key}|{found.strength}", found)
    return Judgement("HF101", obligations, tuple(findings.values()))


def owed_pairs(facts: Facts) -> Iterator[tuple[Message, Conn]]:
    """(m, c) that satisfy (a), (b) and (e) of MUST; whether (c) and (d) hold is for the proof to say."""
    most = facts.policy.max_size
    for message in facts.messages.values():
        sender = facts.conns[message.conn]
        if not _publishes(facts, sender, message) or (most is not None and message.size > most):
            continue
        for conn in facts.conns.values():
            if _in_audience(facts, message, sender, conn):
                yield message, conn


def _publishes(facts: Facts, sender: Conn, message: Message) -> bool:
    """The sender was itself a member, so that the hub had to take its message."""
    if sender.inv.token != "valid" or sender.first_fault < message.inv:
        return False
    return facts.episode_at(sender, message.group, message.inv) is not None


def _in_audience(facts: Facts, message: Message, sender: Conn, conn: Conn) -> bool:
    if conn is sender and facts.policy.echo != "always":
        return False
    return conn.inv.token == "valid" and facts.episode_at(conn, message.group, message.inv) is not None


def _by_gap(facts: Facts, message: Message, conn: Conn) -> Finding | None:
    if facts.policy.order == "none":
        return None
    for later in facts.sent[message.conn, message.group]:
        at = later.got.get(conn.name, NEVER)
        if later.inv > message.inv and at != NEVER and _one_stay(facts, conn, message, at):
            return _gap_finding(facts, message, later, conn, at)
    return None


def _one_stay(facts: Facts, conn: Conn, message: Message, at: int) -> bool:
    """``conn`` read on without a fault, and did not leave and join again between the two deliveries."""
    if conn.first_fault < at and facts.policy.slow_consumer != "lossless":
        return False
    stay = facts.episode_at(conn, message.group, message.inv)
    begins = [episode.begin for episode in conn.episodes[message.group]]
    return stay is not None and not any(stay.begin < begin < at for begin in begins)


def _gap_finding(facts: Facts, message: Message, later: Message, conn: Conn, at: int) -> Finding:
    return Finding(
        code="HF101",
        strength="violated",
        key=f"gap:{message.group.split(':')[0]}",
        summary=f"{conn.name} never got {message.name}, sent by {message.conn} to {message.group}",
        expected=f"{message.name} on {conn.name}, a member since {facts.t(facts.je(conn)):.3f} s",
        observed=f"{later.name}, which {message.conn} sent later, was read at {facts.t(at):.3f} s; this one never",
        witness=(message.inv, later.inv, at),
        conns=(message.conn, conn.name),
        proof="gap",
        dial='policy.order = "none"',
    )


def silence_at(facts: Facts, message: Message, conn: Conn, since: int) -> tuple[int, float] | None:
    """The first failed fence after ``since`` at which (m, c) was still missing, with the healthy seconds until then."""
    for index in facts.failed_fences:
        if index > since and message.got.get(conn.name, NEVER) > index:
            return index, facts.healthy(facts.t(since), facts.t(index))
    return None


def proved_silent(facts: Facts, since: int, until: int, healthy: float) -> bool:
    """Did the deadline really pass while the server answered others?"""
    good = facts.controls_begun_after(facts.t(since), facts.t(until))
    return healthy >= facts.policy.deadline and good >= CONTROLS_NEEDED


def still_owed(facts: Facts, conn: Conn, message: Message, at: int) -> bool:
    """Nothing has happened by ``at`` that lets the server off: no end of ``conn``, nor of its stay in the group."""
    stay = facts.episode_at(conn, message.group, message.inv)
    return stay is not None and stay.end > at and conn.x > at and conn.server_end > at


def blocker(facts: Facts, message: Message, conn: Conn, at: int) -> Conn | None:
    """Another connection that does not read at that time, and to which enough was sent that writes to it may block.

    It decides only under which name a silence is reported, never whether it is one.
    """
    for other in facts.conns.values():
        if other.name in (conn.name, message.conn):
            continue
        since = _deaf_since(facts, other, at)
        if since < at and _volume(facts, other, since, at) >= BLOCKING_VOLUME:
            return other
    return None


def _deaf_since(facts: Facts, conn: Conn, at: int) -> int:
    stalls = [start for start, end, kind in conn.faults if kind == "stall" and start < at < end]
    vanished = [i for i in conn.drops if getattr(facts.events[i], "how", "") == "vanish"]
    return min(stalls + vanished, default=NEVER)


def _volume(facts: Facts, conn: Conn, since: int, at: int) -> int:
    """Characters sent to the groups of ``conn`` since it stopped reading."""
    return sum(m.size for m in facts.messages.values() if since < m.inv < at and m.group in conn.episodes)


def _by_deadline(facts: Facts, message: Message, conn: Conn) -> Finding | None:
    found = silence_at(facts, message, conn, message.ok) if message.ok != NEVER else None
    sender = facts.conns[message.conn]
    if found is None or not (
        still_owed(facts, conn, message, found[0]) and still_owed(facts, sender, message, found[0])
    ):
        return None
    if blocker(facts, message, conn, found[0]) is not None:
        return None  # HF302 judges it
    return _silence_finding(facts, "HF101", message, conn, *found)


def _silence_finding(facts: Facts, code: str, message: Message, conn: Conn, at: int, healthy: float) -> Finding:
    proved = proved_silent(facts, message.ok, at, healthy)
    return Finding(
        code=code,
        strength="violated" if proved else "inconclusive",
        key=f"silence:{message.group.split(':')[0]}",
        summary=f"{conn.name} never got {message.name}, sent by {message.conn} to {message.group}",
        expected=f"{message.name} on {conn.name} within {facts.policy.deadline:g} s",
        observed=f"nothing of it in {healthy:.2f} s during which the control pair was answered",
        witness=(message.inv, at),
        conns=(message.conn, conn.name),
        proof="deadline",
        dial="policy.deadline",
    )


def agreement(facts: Facts) -> Judgement:
    """A message of a sender that is gone, which reached some members, must reach all that were owed it."""
    findings: dict[str, Finding] = {}
    obligations = 0
    for message, conn in owed_pairs(facts):
        if facts.conns[message.conn].x > facts.drain() or not message.got:
            continue
        obligations += 1
        found = _disagreement(facts, message, conn)
        if found is not None:
            findings.setdefault(f"{conn.name}|{found.strength}", found)
    return Judgement("HF102", obligations, tuple(findings.values()))


def _disagreement(facts: Facts, message: Message, conn: Conn) -> Finding | None:
    since = min(message.got.values())
    found = silence_at(facts, message, conn, since)
    if found is None or not still_owed(facts, conn, message, found[0]) or facts.conns[message.conn].x > found[0]:
        return None
    if _by_gap(facts, message, conn) is not None or blocker(facts, message, conn, found[0]) is not None:
        return None
    at, healthy = found
    return Finding(
        code="HF102",
        strength="violated" if proved_silent(facts, since, at, healthy) else "inconclusive",
        key=f"agreement:{message.group.split(':')[0]}",
        summary=f"{message.name} of {message.conn}, which then left, reached {', '.join(message.got)}, not {conn.name}",
        expected=f"{message.name} on {conn.name} too, within {facts.policy.deadline:g} s",
        observed=f"nothing of it in {healthy:.2f} s during which the control pair was answered",
        witness=(message.inv, since, at),
        conns=(message.conn, conn.name),
        proof="deadline",
        dial="policy.agreement = false",
    )


def _agrees(policy: Policy) -> bool:
    return policy.agreement


INVARIANTS = (
    Invariant(
        "HF101",
        "delivery",
        "broadcast",
        "A message reaches every member of its group that was owed it.",
        "Membership is proved by a welcome or a delivery before the message was sent. A loss is proved by a later "
        "message of the same sender (fifo), or by the deadline passing in healthy time after a failed fence.",
        "policy.order, policy.deadline, policy.echo, policy.max_size",
        (
            "https://github.com/fastapi/fastapi/pull/1991",
            "https://github.com/encode/broadcaster/issues/133",
            "https://github.com/workfloworchestrator/orchestrator-core/issues/1903",
        ),
        delivery,
    ),
    Invariant(
        "HF102",
        "agreement",
        "broadcast",
        "If one member gets the message of a sender that dropped, all that were owed it do.",
        "The hub is the broadcaster and did not fail (Hadzilacos and Toueg: agreement); judged by the deadline.",
        "policy.agreement = false",
        ("https://github.com/python-websockets/websockets/issues/1319", "https://github.com/yesodweb/wai/issues/271"),
        agreement,
        _agrees,
    ),
)
