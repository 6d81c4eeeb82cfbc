"""What must never be delivered, whenever: doubles, inventions, strangers' messages. No timers at all (SPEC 2.2)."""

from __future__ import annotations

from fuzzer.facts import Facts, Message
from fuzzer.history import Dlv, Stray
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement


def no_duplicate(facts: Facts) -> Judgement:
    """A second delivery of one message on one connection."""
    first: dict[tuple[str, str], int] = {}
    findings = []
    for i, e in enumerate(facts.events):
        if not isinstance(e, Dlv):
            continue
        before = first.setdefault((e.msg, e.conn), i)
        if before != i:
            findings.append(_twice(facts, e, before, i))
    return Judgement("HF103", len(first), tuple(findings))


def _twice(facts: Facts, e: Dlv, before: int, i: int) -> Finding:
    group = facts.messages[e.msg].group if e.msg in facts.messages else "?"
    return Finding(
        code="HF103",
        strength="violated",
        key=f"twice:{group.split(':')[0]}",
        summary=f"{e.conn} got {e.msg} twice",
        expected=f"{e.msg} once on {e.conn}",
        observed=f"it was read at {facts.t(before):.3f} s and again at {facts.t(i):.3f} s",
        witness=(before, i),
        conns=(e.conn,),
        proof="count",
        dial='policy.delivery = "at-least-once"',
    )


def no_creation(facts: Facts) -> Judgement:
    """A message that nobody sent, or whose body is not the one that was sent."""
    findings = []
    obligations = 0
    for i, e in enumerate(facts.events):
        if isinstance(e, Dlv):
            obligations += 1
            if not e.intact:
                findings.append(_invented(i, e.conn, f"{e.msg} with another body than was sent", "body"))
        elif isinstance(e, Stray):
            findings.append(_invented(i, e.conn, f"the id {e.id!r}, which nobody sent in this plan", "id"))
    return Judgement("HF104", obligations, tuple(findings))


def _invented(i: int, conn: str, what: str, key: str) -> Finding:
    return Finding(
        code="HF104",
        strength="violated",
        key=key,
        summary=f"{conn} got {what}",
        expected="only messages of this plan, as they were sent",
        observed=what,
        witness=(i,),
        conns=(conn,),
        dial="protocol.deliver (is the body read from the right place?)",
    )


def isolation(facts: Facts) -> Judgement:
    """A message outside its group: another user's, or of a room that was never subscribed."""
    findings = []
    for i, e in enumerate(facts.events):
        if isinstance(e, Dlv) and e.msg in facts.messages and not _entitled(facts, facts.messages[e.msg], e.conn, i):
            findings.append(_leak(facts, facts.messages[e.msg], e.conn, i))
    return Judgement("HF105", _strangers(facts), tuple(findings))


def _entitled(facts: Facts, message: Message, name: str, at: int) -> bool:
    conn = facts.conns.get(name)
    if conn is None or conn.inv.token != "valid":
        return True  # a bad token that receives is the business of HF601
    return any(episode.begin < at for episode in conn.episodes.get(message.group, ()))


def _strangers(facts: Facts) -> int:
    """Pairs of a message and a connection that was open when it was sent and outside of its group."""
    total = 0
    for message in facts.messages.values():
        there = (c for c in facts.conns.values() if c.open_ok < message.inv < min(c.server_end, c.x))
        total += sum(1 for c in there if message.group not in c.episodes)
    return total


def _leak(facts: Facts, message: Message, conn: str, i: int) -> Finding:
    owner = facts.conns[conn].inv.user
    return Finding(
        code="HF105",
        strength="violated",
        key=f"{message.group.split(':')[0]}",
        summary=f"{conn} (user {owner}) got {message.name}, which went to {message.group}",
        expected=f"{message.name} only in {message.group}",
        observed=f"it was read on {conn} at {facts.t(i):.3f} s",
        witness=(message.inv, i),
        conns=(message.conn, conn),
        dial="policy.group",
    )


INVARIANTS = (
    Invariant(
        "HF103",
        "no-duplicate",
        "broadcast",
        "The same message must not be delivered twice on one connection.",
        "Ids are unique in a plan; both deliveries were read on the same connection.",
        'policy.delivery = "at-least-once"',
        ("https://github.com/socketio/socket.io/pull/383", "https://github.com/laverdet/xxscreeps/issues/217"),
        no_duplicate,
        lambda policy: policy.delivery == "at-most-once",
    ),
    Invariant(
        "HF104",
        "no-creation",
        "broadcast",
        "Only messages that were sent may be delivered, with the body that was sent.",
        "The driver knows every id and body of its plan, and ids carry a mark of the run.",
        "protocol.deliver",
        ("https://github.com/CrowCpp/Crow/pull/1160", "https://github.com/nats-io/nats-server/pull/4811"),
        no_creation,
    ),
    Invariant(
        "HF105",
        "isolation",
        "broadcast",
        "A message must stay within its user or room.",
        "Users and rooms are fresh for each plan, so that even a late leak names its origin.",
        "policy.group",
        ("https://github.com/LinuxForHealth/FHIR/issues/1214", "https://github.com/socketio/socket.io/issues/2962"),
        isolation,
        lambda policy: policy.group != "all",
    ),
)
