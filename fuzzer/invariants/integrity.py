"""What must never be delivered, whenever: doubles, inventions, strangers' messages. No timers at all (SPEC 2.2)."""

from __future__ import annotations

from collections import defaultdict

from fuzzer.facts import NEVER, Conn, Facts, Message
from fuzzer.facts_owed import is_its_own, may_be_a_copy
from fuzzer.facts_rooms import most_subscriptions
from fuzzer.history import Dlv
from fuzzer.invariants.registry import Invariant
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement


def no_duplicate(facts: Facts) -> Judgement:
    """A further delivery of one message on one connection, which no further subscription explains."""
    read: dict[tuple[str, str], list[int]] = defaultdict(list)
    findings: dict[str, Finding] = {}
    for i, e in facts.deliveries:
        copies = read[e.msg, e.conn]
        copies.append(i)
        if len(copies) > 1 and len(copies) > _promised(facts, e, i) and not _may_be_read_out_again(facts, e, i):
            findings.setdefault(e.conn, _again(facts, e, copies))
    return Judgement("HF103", len(read), tuple(findings.values()))


def _promised(facts: Facts, e: Dlv, at: int) -> int:
    """How many copies it may get: one, or (by dial) one for each subscription."""
    return max(1, _subscribed(facts, e, at)) if facts.policy.subscriptions == "each" else 1


def _subscribed(facts: Facts, e: Dlv, at: int) -> int:
    return most_subscriptions(facts, facts.conns[e.conn], facts.messages[e.msg], at)


def _may_be_read_out_again(facts: Facts, e: Dlv, at: int) -> bool:
    return facts.rejoined(facts.messages[e.msg], facts.conns[e.conn], at)


def _again(facts: Facts, e: Dlv, copies: list[int]) -> Finding:
    first, *others = (f"{facts.t(i):.3f} s" for i in copies)
    group, at = facts.messages[e.msg].group, copies[-1]
    most = _promised(facts, e, at)
    each = facts.policy.subscriptions != "each" and len(copies) <= _subscribed(facts, e, at)
    return Finding(
        code="HF103",
        strength="violated",
        key=f"twice:{group.split(':')[0]}",
        summary=f"{e.conn} got {e.msg} {'twice' if len(copies) == 2 else f'{len(copies)} times'}",
        expected=f"{e.msg} {'once' if most == 1 else f'{most} times at most'} on {e.conn}",
        observed=f"it was read at {first} and again at {', '.join(others)}",
        witness=tuple(copies),
        conns=(e.conn,),
        proof="count",
        dial=('policy.subscriptions = "each", ' if each else "") + 'policy.delivery = "at-least-once"',
    )


def no_creation(facts: Facts) -> Judgement:
    """A message that nobody sent, or whose body is not the one that was sent, unless the hub may change it."""
    findings: dict[str, Finding] = {}
    for i, e in facts.deliveries:
        if not e.intact and facts.policy.body != "any" and _undisturbed(facts, facts.messages[e.msg]):
            what = f"{e.msg} with another body than was sent"
            cut = facts.passing.in_fragments(facts.messages[e.msg])
            dial = ("policy.fragments = false, " if cut else "") + _READ_FROM["body"]
            findings.setdefault(f"body {e.conn}", _invented(i, e.conn, what, "body", dial))
    for i, stray in facts.strays:
        what = f"the id {stray.id!r}, which nobody sent in this plan"
        findings.setdefault(f"id {stray.conn}", _invented(i, stray.conn, what, "id", _READ_FROM["id"]))
    return Judgement("HF104", len(facts.deliveries), tuple(findings.values()))


def _undisturbed(facts: Facts, message: Message) -> bool:
    """Nothing allowed the hub to cut the message or to misread the bytes around it."""
    return not facts.passing.may_be_refused(message) and not facts.conns[message.conn].garbled(message.inv)


_READ_FROM = {
    "body": 'policy.body = "any", protocol.deliver (is the body read from the right place?)',
    "id": "protocol.deliver (is the id read from the right place?) or policy.group (does everybody hear all?)",
}


def _invented(i: int, conn: str, what: str, key: str, dial: str) -> Finding:
    return Finding(
        code="HF104",
        strength="violated",
        key=key,
        summary=f"{conn} got {what}",
        expected="only messages of this plan, as they were sent",
        observed=what,
        witness=(i,),
        conns=(conn,),
        dial=dial,
    )


def isolation(facts: Facts) -> Judgement:
    """Outside its group: another user's, of a room never subscribed, back to its sender, or long over."""
    findings: dict[str, Finding] = {}
    for i, e in facts.deliveries:
        message, conn = facts.messages[e.msg], facts.conns[e.conn]
        if not _entitled(facts, message, conn, i):
            findings.setdefault(e.conn, _leak(facts, message, conn, i))
        elif conn.name == message.conn and _is_echo(facts, message, conn, i):
            findings.setdefault(f"echo {e.conn}", _echoed(message, i))
        elif _is_read_out(facts, message, conn, i):
            findings.setdefault(f"history {e.conn}", _read_out(facts, message, conn, i))
    return Judgement("HF105", _strangers(facts) + _newcomers(facts), tuple(findings.values()))


def _entitled(facts: Facts, message: Message, conn: Conn, at: int) -> bool:
    """Whoever has asked to be in the group, even if it has left since: what was on its way may still arrive.

    Who takes a session over may take its rooms over."""
    if not conn.honest or facts.policy.group == "all" or not facts.means(message.group):
        return True  # a bad token that receives is the business of HF601
    if may_be_a_copy(facts, message, conn):
        return True
    stays = (stay for c in facts.session_of(conn) for stay in c.episodes.get(message.group, ()))
    return any(stay.begin < at for stay in stays)


def _is_echo(facts: Facts, message: Message, conn: Conn, at: int) -> bool:
    """A copy to the sender, which is no history that it reads after joining later."""
    return facts.policy.echo == "never" and conn.honest and not facts.may_be_history(message, conn, at)


def _is_read_out(facts: Facts, message: Message, conn: Conn, at: int) -> bool:
    """Was it over before ``conn`` first began to join the group? Who took a session over may have been in it before.

    The first copy of its own is the answer to who publishes, wherever it went."""
    stays = conn.episodes.get(message.group, ())
    if is_its_own(facts, message, conn) and message.got[conn.name] == at:
        return False
    if facts.policy.replay != "none" or not conn.honest or not stays or facts.inherits(conn, message.group):
        return False
    return facts.replay.over_before(message, stays[0].begin)


def _newcomers(facts: Facts) -> int:
    """Connections that joined when a message to the group was over, once for each sender."""
    if facts.policy.replay != "none":
        return 0
    stays = [stays[0] for conn in facts.conns.values() if conn.honest for stays in conn.episodes.values()]
    streams = [(group, sent) for (_, group), sent in facts.sent.items()]
    came = ((s.begin, sent) for s in stays for group, sent in streams if s.group == group and s.je != NEVER)
    return sum(1 for begin, sent in came if any(facts.replay.over_before(m, begin) for m in sent))


def _strangers(facts: Facts) -> int:
    """Pairs of a message and a connection that was open when it was sent and must not get it."""
    spans = [(conn, conn.open_ok, min(conn.server_end, conn.x)) for conn in facts.conns.values()]
    echoes = facts.policy.echo == "never"
    total = 0
    for m in facts.messages.values():
        there = [conn for conn, start, end in spans if start < m.inv < end]
        total += sum(1 for conn in there if not _entitled(facts, m, conn, NEVER) or (echoes and conn.name == m.conn))
    return total


def _leak(facts: Facts, message: Message, conn: Conn, i: int) -> Finding:
    rooms = 'policy.rooms = "user", policy.publish_joins, ' if message.group.startswith("room:") else ""
    return Finding(
        code="HF105",
        strength="violated",
        key=f"{message.group.split(':')[0]}",
        summary=f"{conn.name} (user {conn.inv.user}) got {message.name}, which went to {message.group}",
        expected=f"{message.name} only in {message.group}",
        observed=f"it was read on {conn.name} at {facts.t(i):.3f} s",
        witness=(message.inv, i),
        conns=(message.conn, conn.name),
        dial=rooms + 'policy.group, policy.names = "plain" (if the hub changes names)',
    )


def _echoed(message: Message, i: int) -> Finding:
    return Finding(
        code="HF105",
        strength="violated",
        key="echo",
        summary=f"{message.conn} got its own {message.name} back",
        expected=f"{message.name} on all members but its sender",
        observed=f"it was read on {message.conn}, which had sent it",
        witness=(message.inv, i),
        conns=(message.conn,),
        dial="policy.echo",
    )


def _read_out(facts: Facts, message: Message, conn: Conn, i: int) -> Finding:
    begin = conn.episodes[message.group][0].begin
    return Finding(
        code="HF105",
        strength="violated",
        key="history",
        summary=f"{conn.name} (user {conn.inv.user}) got {message.name}, which was over before it began to join",
        expected=f"only messages to {message.group} that were not over at {facts.t(begin):.3f} s",
        observed=f"{message.name}, sent at {facts.t(message.inv):.3f} s, was read on it at {facts.t(i):.3f} s",
        witness=(message.inv, begin, i),
        conns=(message.conn, conn.name),
        dial='policy.replay = "may"',
    )


def _has_outsiders(policy: Policy) -> bool:
    return policy.group != "all" or policy.echo == "never" or policy.replay == "none"


INVARIANTS = (
    Invariant(
        "HF103",
        "no-duplicate",
        "broadcast",
        "The same message must not be delivered twice on one connection.",
        "Ids are unique in a plan; both deliveries were read on the same connection. Where each subscription takes a "
        "copy (subscriptions = each), there were more copies than subscriptions that may have been open.",
        'policy.subscriptions, policy.delivery = "at-least-once"',
        ("https://github.com/socketio/socket.io/pull/383", "https://github.com/laverdet/xxscreeps/issues/217"),
        no_duplicate,
        lambda policy: policy.delivery == "at-most-once",
    ),
    Invariant(
        "HF104",
        "no-creation",
        "broadcast",
        "Only messages that were sent may be delivered, with the body that was sent.",
        "The driver knows every id and body of its plan, and ids carry a mark of the run. Of a hub that may change "
        'the text of bodies (policy.body = "any") only the ids are judged.',
        "policy.body, policy.fragments, protocol.deliver",
        ("https://github.com/CrowCpp/Crow/pull/1160", "https://github.com/nats-io/nats-server/pull/4811"),
        no_creation,
    ),
    Invariant(
        "HF105",
        "isolation",
        "broadcast",
        "A message must stay within its user or room, and among those who were there.",
        "Users and rooms are fresh for each plan, so that even a late leak names its origin, and no two users have "
        "names that the hub may take for one (names). Where nothing old is read out (replay), a message was over when "
        "all in the group had read a later one of its sender; nothing is said where the control pair is in the group, "
        "or of who may have been in a group by its session.",
        "policy.group, policy.echo, policy.names, policy.replay",
        ("https://github.com/LinuxForHealth/FHIR/issues/1214", "https://github.com/socketio/socket.io/issues/2962"),
        isolation,
        _has_outsiders,
    ),
)
