"""Each connection has a life of its own: another's end or fault neither closes nor delays it (SPEC 2.7)."""

from __future__ import annotations

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.history import SrvBad, SrvClose, SrvEof, SrvRst
from fuzzer.invariants.delivery import blocker, owed_pairs, proved_silent, silence_at, still_owed
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement


def collateral_close(facts: Facts) -> Judgement:
    """The server ended a member that gave it no cause."""
    findings: dict[str, Finding] = {}
    obligations = 0
    for conn in facts.conns.values():
        if facts.je(conn) == NEVER or conn.inv.token != "valid":
            continue
        obligations += 1
        if facts.je(conn) < conn.server_end < min(conn.x, _our_end(facts, conn)):
            found = _collateral(facts, conn)
            findings.setdefault(found.key, found)
    return Judgement("HF301", obligations, tuple(findings.values()))


def _our_end(facts: Facts, conn: Conn) -> int:
    return min(facts.drain(), conn.close_inv) if conn.inv.role == "plan" else conn.close_inv


def _collateral(facts: Facts, conn: Conn) -> Finding:
    how = _how(facts.events[conn.server_end])
    return Finding(
        code="HF301",
        strength="violated",
        key=how,
        summary=f"the server ended {conn.name} (user {conn.inv.user}), which gave it no cause",
        expected=f"{conn.name} stays open",
        observed=f"{how} at {facts.t(conn.server_end):.3f} s",
        witness=(facts.je(conn), conn.server_end),
        conns=(conn.name,),
        dial="policy.sessions, policy.limit.over, policy.max_size (are takeover, eviction or limits missing there?)",
    )


def _how(event: object) -> str:
    match event:
        case SrvClose():
            return f"close {event.code}"
        case SrvEof():
            return "end of stream without a Close frame"
        case SrvRst():
            return "reset"
        case SrvBad():
            return "a protocol error of the server"
        case _:
            return "unknown"


def head_of_line(facts: Facts) -> Judgement:
    """A connection that does not read delays a delivery to others beyond the deadline."""
    findings: dict[str, Finding] = {}
    obligations = 0
    for message, conn in owed_pairs(facts):
        sender = facts.conns[message.conn]
        since = message.ok if message.ok != NEVER else message.inv
        guilty = blocker(facts, message, conn, message.inv)
        obligations += guilty is not None
        found = silence_at(facts, message, conn, since)
        if found is None or not (
            still_owed(facts, conn, message, found[0]) and still_owed(facts, sender, message, found[0])
        ):
            continue
        guilty = blocker(facts, message, conn, found[0])
        if guilty is not None:
            finding = _blocked(facts, message.name, message.inv, since, conn, guilty, *found)
            findings.setdefault(finding.strength, finding)
    return Judgement("HF302", obligations, tuple(findings.values()))


def _blocked(
    facts: Facts, message: str, sent: int, since: int, conn: Conn, guilty: Conn, at: int, healthy: float
) -> Finding:
    return Finding(
        code="HF302",
        strength="violated" if proved_silent(facts, since, at, healthy) else "inconclusive",
        key="blocked",
        summary=f"{conn.name} waited for {message} while {guilty.name} did not read",
        expected=f"{message} on {conn.name} within {facts.policy.deadline:g} s, whatever {guilty.name} does",
        observed=f"nothing of it in {healthy:.2f} s during which the control pair was answered",
        witness=(sent, at),
        conns=(conn.name, guilty.name),
        proof="deadline",
        dial="policy.deadline",
    )


INVARIANTS = (
    Invariant(
        "HF301",
        "collateral-close",
        "lifecycle",
        "The server ends no connection that gave it no cause.",
        "The connection had provably joined; it had not closed, misbehaved or sent too much; no eviction or takeover "
        "can have meant it.",
        "policy.sessions, policy.limit, policy.max_size",
        (
            "https://github.com/python-websockets/websockets/issues/661",
            "https://github.com/screensy/screensy/issues/15",
        ),
        collateral_close,
    ),
    Invariant(
        "HF302",
        "head-of-line",
        "failure isolation",
        "A connection that does not read delays nobody else beyond the deadline.",
        "Both ends of the delivery were healthy members, the control pair was answered all the while, and another "
        "connection was stalled or had vanished.",
        "policy.deadline",
        ("https://github.com/opanel-mc/opanel/pull/429", "https://github.com/dotnet/aspnetcore/issues/20282"),
        head_of_line,
    ),
)
