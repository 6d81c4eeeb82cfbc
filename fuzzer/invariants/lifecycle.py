"""Each connection has a life of its own: another's end or fault neither closes nor delays it (SPEC 2.7)."""

from __future__ import annotations

from fuzzer.facts import NEVER, Conn, Facts, Message
from fuzzer.history import SrvBad, SrvClose, SrvEof, SrvRst
from fuzzer.invariants.registry import Invariant
from fuzzer.invariants.silence import Silence, blockers, silence
from fuzzer.verdict import Finding, Judgement

DIALS = (
    "policy.sessions, policy.limit, policy.max_size, policy.backlog, policy.rate, policy.rate_scope, "
    "policy.t_idle, policy.t_lifetime, policy.fragments, policy.body, policy.subscriptions, protocol.answers"
)


def collateral_close(facts: Facts) -> Judgement:
    """The server ended a member that gave it no cause."""
    joined = [conn for conn in facts.conns.values() if conn.je != NEVER and conn.honest]
    ended = [_collateral(facts, conn) for conn in joined if ended_without_cause(facts, conn)]
    return Judgement("HF301", len(joined), tuple(ended))


def ended_without_cause(facts: Facts, conn: Conn) -> bool:
    """The server ended it, a member, and neither it nor anybody of its user had given a reason."""
    return conn.honest and conn.je < conn.server_end < min(conn.x, _our_end(facts, conn))


def _our_end(facts: Facts, conn: Conn) -> int:
    return min(facts.drain, conn.close_inv) if conn.inv.role == "plan" else conn.close_inv


def _collateral(facts: Facts, conn: Conn) -> Finding:
    """A hub with a heartbeat may end who does not answer in time; when hubfuzz itself was late, nothing is proved."""
    how = _how(facts.events[conn.server_end])
    late = facts.may_be_given_up(conn, conn.server_end)
    return Finding(
        code="HF301",
        strength="inconclusive" if late else "violated",
        key=TORN if how == RESET else how,
        summary=f"the server ended {conn.name} (user {conn.inv.user}), which gave it no cause",
        expected=f"{conn.name} stays open",
        observed=f"{how} at {facts.t(conn.server_end):.3f} s"
        + ("; but hubfuzz or the server was late" if late else ""),
        witness=(conn.je, conn.server_end),
        conns=(conn.name,),
        dial=f"{DIALS} (is something missing there?)",
    )


# One way of ending a connection: whether the kernel sends FIN or RST is for the bytes to say that nobody read.
TORN, RESET = "end of stream without a Close frame", "reset"


def _how(event: object) -> str:
    match event:
        case SrvClose():
            return f"close {event.code}"
        case SrvEof():
            return TORN
        case SrvRst():
            return RESET
        case SrvBad():
            return "a protocol error of the server"
        case _:
            return "unknown"


def head_of_line(facts: Facts) -> Judgement:
    """A connection that does not read delays a delivery to others beyond the deadline."""
    findings: dict[str, Finding] = {}
    for message, conn in facts.owed if facts.failed_fences else ():
        found = silence(facts, message, conn, _handed_over(message))
        if found is None or not (found.receiver_owed and found.sender_owed):
            continue
        guilty = found.blocker
        if guilty is not None:
            finding = _blocked(facts, found, guilty)
            findings.setdefault(finding.strength, finding)
    return Judgement("HF302", _behind_the_deaf(facts), tuple(findings.values()))


def _handed_over(message: Message) -> int:
    """A hub that is blocked may not even take the message from the kernel."""
    return message.ok if message.ok != NEVER else message.inv


def _behind_the_deaf(facts: Facts) -> int:
    """How many deliveries were owed while writes to somebody else could block."""
    if not any(conn.faults or conn.drops for conn in facts.conns.values()):
        return 0
    deaf = {message.inv: {conn.name for conn in blockers(facts, message.inv)} for message in facts.messages.values()}
    return sum(1 for message, conn in facts.owed if deaf[message.inv] - {conn.name, message.conn})


def _blocked(facts: Facts, found: Silence, guilty: Conn) -> Finding:
    message, conn = found.message.name, found.conn.name
    return Finding(
        code="HF302",
        strength="violated" if found.proved else "inconclusive",
        key="blocked",
        summary=f"{conn} waited for {message} while {guilty.name} did not read",
        expected=f"{message} on {conn} within {facts.policy.deadline:g} s, whatever {guilty.name} does",
        observed=f"nothing of it in {found.healthy:.2f} s during which the control pair was answered",
        witness=(found.message.inv, found.until),
        conns=(conn, guilty.name),
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
        DIALS,
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
