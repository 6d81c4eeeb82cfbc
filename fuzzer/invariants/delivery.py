"""Every message reaches every member that was owed it (SPEC 2.2), also when its sender drops (SPEC 2.4).

A loss is concluded in one of two ways only. *Gap*: a later message of the same sender to the same group was delivered
on the connection, and this one was not; under fifo no timer is needed, and it holds whoever has dropped since (etcd's
"Reliable"). *Deadline*: a fence failed, and the policy's deadline has passed in healthy time, that is, while an
unrelated control pair was answered; sender and receiver must both still be owed.
"""

from __future__ import annotations

from fuzzer.facts import NEVER, Conn, Facts, Message
from fuzzer.invariants.gap_dials import likeliest_dials, said_of_it
from fuzzer.invariants.registry import Invariant
from fuzzer.invariants.silence import Silence, silence
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement


def delivery(facts: Facts) -> Judgement:
    """Losses by gap, and losses in silence that no stalled neighbour explains."""
    findings: dict[str, Finding] = {}
    for message, conn in facts.owed:
        if conn.name in message.got:
            continue
        found = _by_gap(facts, message, conn) or silent_loss(facts, message, conn)
        if found is not None:
            findings.setdefault(f"{conn.name}|{found.key}|{found.strength}", found)
    for message, conn in facts.messages_owed.unread[:1]:
        findings["unread"] = _unread(message, conn)
    return Judgement("HF101", len(facts.owed), tuple(findings.values()))


def _unread(message: Message, conn: Conn) -> Finding:
    """Neither seen to be lost nor seen to be delivered."""
    at = message.unread[conn.name]
    return Finding(
        code="HF101",
        strength="inconclusive",
        key=f"unread:{message.group.split(':')[0]}",
        summary=f"{conn.name} got a frame with the id of {message.name} in it that protocol.deliver does not fit",
        expected=f"{message.name} on {conn.name} in a frame of the form that protocol.deliver says",
        observed=f"a frame of another form that holds its id, among {len(message.unread)} of this message",
        witness=(message.inv, at),
        conns=(message.conn, conn.name),
        dial="protocol.deliver",
    )


def _by_gap(facts: Facts, message: Message, conn: Conn) -> Finding | None:
    if facts.policy.order == "none":
        return None
    for later in facts.sent[message.conn, message.group]:
        at = later.got.get(conn.name, NEVER)
        if later.inv > message.inv and at != NEVER and one_stay(facts, conn, message, at):
            return _gap_finding(facts, message, later, conn, at)
    return None


def one_stay(facts: Facts, conn: Conn, message: Message, at: int) -> bool:
    """``conn`` read on without a fault or a crowd, and did not leave and join again between the two deliveries.

    Then it was a member when ``message`` was broadcast: it had joined before the sending, and it was still there when
    the later message was, which the hub took from the same connection afterwards. Whoever has gone since.
    """
    if min(conn.causes["stop"], facts.conns[message.conn].causes["stop"]) < at:
        return False  # what was under way may have been cancelled, and what still waited passed on
    slow = conn.first_fault < at or conn.was_crowded(message.inv, at)
    if slow and facts.policy.slow_consumer != "lossless":
        return False
    stay = conn.stay(message.group, message.inv)
    return stay is not None and not any(stay.begin < begin < at for begin in _joinings(facts, conn, message))


def _joinings(facts: Facts, conn: Conn, message: Message) -> list[int]:
    """When it asked to be in the group; in a room any connection of its session may bring it back.

    Where each subscription takes a copy, it may have a queue of its own, too, which is ahead of an older one."""
    group, each = message.group, facts.policy.subscriptions == "each"
    askers = facts.session_of(conn) if group.startswith("room:") else [conn]
    asked = (s for asker in askers for s in asker.subscriptions.get(group, ()) if each and s.answered > message.inv)
    return [*(stay.begin for asker in askers for stay in asker.episodes.get(group, ())), *(s.inv for s in asked)]


def _gap_finding(facts: Facts, message: Message, later: Message, conn: Conn, at: int) -> Finding:
    stay = conn.stay(message.group, message.inv)
    joined = facts.t(stay.je) if stay else facts.t(conn.je)
    return Finding(
        code="HF101",
        strength="violated",
        key=f"gap:{message.group.split(':')[0]}",
        summary=f"{conn.name} never got {message.name}, sent by {message.conn} to {message.group}",
        expected=f"{message.name} on {conn.name}, a member since {joined:.3f} s",
        observed=f"{later.name}, which {message.conn} sent later, was read at {facts.t(at):.3f} s; this one never"
        + said_of_it(facts, message),
        witness=(message.inv, later.inv, at),
        conns=(message.conn, conn.name),
        proof="gap",
        dial=likeliest_dials(facts, message, conn),
    )


def silent_loss(facts: Facts, message: Message, conn: Conn) -> Finding | None:
    """The finding that the deadline has passed without ``message``, though both ends were there."""
    found = silence(facts, message, conn, message.ok) if message.ok != NEVER else None
    if found is None or not (found.receiver_owed and found.sender_owed) or found.blocker is not None:
        return None  # HF302 judges silences behind a stalled connection
    return Finding(
        code="HF101",
        strength="violated" if found.proved else "inconclusive",
        key=f"silence:{message.group.split(':')[0]}",
        summary=f"{conn.name} never got {message.name}, sent by {message.conn} to {message.group}",
        expected=f"{message.name} on {conn.name} within {facts.policy.deadline:g} s",
        observed=f"nothing of it in {found.healthy:.2f} s during which the control pair was answered",
        witness=(message.inv, found.until),
        conns=(message.conn, conn.name),
        proof="deadline",
        dial="policy.deadline",
    )


def agreement(facts: Facts) -> Judgement:
    """A message of a sender that is gone, which reached some members, must reach all that were owed it."""
    findings: dict[str, Finding] = {}
    obligations = 0
    for message, conn in facts.owed:
        if facts.conns[message.conn].owed_until > facts.drain or not facts.live_readers[message.name]:
            continue
        obligations += 1
        if conn.name not in message.got:
            found = _disagreement(facts, message, conn)
            if found is not None:
                findings.setdefault(f"{conn.name}|{found.strength}", found)
    return Judgement("HF102", obligations, tuple(findings.values()))


def _disagreement(facts: Facts, message: Message, conn: Conn) -> Finding | None:
    since = min(facts.live_readers[message.name].values())
    found = silence(facts, message, conn, since)
    if found is None or not found.receiver_owed or found.sender_owed:
        return None
    if _by_gap(facts, message, conn) is not None or found.blocker is not None:
        return None
    return _disagreed(facts, found, since)


def _disagreed(facts: Facts, found: Silence, since: int) -> Finding:
    message, conn = found.message, found.conn
    return Finding(
        code="HF102",
        strength="violated" if found.proved else "inconclusive",
        key=f"agreement:{message.group.split(':')[0]}",
        summary=f"{message.name} of {message.conn}, which then left, reached {', '.join(message.got)}, not {conn.name}",
        expected=f"{message.name} on {conn.name} too, within {facts.policy.deadline:g} s",
        observed=f"nothing of it in {found.healthy:.2f} s during which the control pair was answered",
        witness=(message.inv, since, found.until),
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
        "Membership is proved by a delivery, or by what join_evidence says, before the message was sent. A loss is "
        "proved by a later message of the same sender (fifo), or by the deadline passing in healthy time after a "
        "failed fence. What may have come in a frame that protocol.deliver does not fit is inconclusive.",
        "policy.order, policy.deadline, policy.echo, policy.max_size, policy.backlog, policy.rate, policy.rate_scope, "
        "policy.body",
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
