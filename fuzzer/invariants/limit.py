"""The limit of connections (SPEC 2.5): never above it, never refused below it, every slot comes back.

It is one user's, or all users share it (``limit.scope``): then the control pair and earlier plans count, too.
"""

from __future__ import annotations

from typing import TypeVar

from fuzzer.facts import NEVER, Conn, Episode, Facts
from fuzzer.facts_lateness import was_given_up
from fuzzer.history import OpenRej, SrvClose
from fuzzer.invariants.eviction import evicted
from fuzzer.invariants.registry import Invariant
from fuzzer.policy import Limit, Policy
from fuzzer.verdict import Finding, Judgement

Whose = TypeVar("Whose")
DIALS = "policy.limit, policy.t_release, policy.t_detect"
PAIR = 2  # connections of hubfuzz's own, under users of their own


def limit_exceeded(facts: Facts) -> Judgement:
    """More than the limit were provably members at one instant; or one connection was in too many rooms."""
    users, rooms = _connections(facts), _rooms(facts)
    return Judgement("HF201", users.obligations + rooms.obligations, (*users.findings, *rooms.findings))


def _connections(facts: Facts) -> Judgement:
    """Counting handshakes would be wrong: a server may accept and then decide, queue, or close later."""
    limit = facts.policy.limit
    if limit is None:
        return Judgement("HF201")
    findings = []
    obligations = sum(_enforced(facts, conn) for conn in facts.conns.values())
    own = [(je, le, None) for je, le, number in facts.slots.proved() for _ in range(number)]
    for user, conns in facts.slots.groups():
        spans = [(c.je, min(c.le, c.own_cause), c) for c in conns if c.honest]
        witnessed = [span for span in spans if span[0] < span[1] and not was_given_up(facts, span[2])]
        obligations += sum(_stays(facts, joined, life, facts.policy.t_evict) for joined, life, _ in witnessed)
        crowd = _crowd(facts, [*witnessed, *own], limit.max, facts.policy.t_evict)
        if crowd:
            findings.append(_exceeded(facts, user, crowd, limit))
    return Judgement("HF201", obligations, tuple(findings))


def _enforced(facts: Facts, conn: Conn) -> bool:
    """Had it to go because of the limit? Where one at a time is allowed, nothing else shows that it was kept."""
    return told_the_limit(facts, conn) is not None or evicted(facts, conn)


def _rooms(facts: Facts) -> Judgement:
    """The same of the rooms of one connection: in each it was witnessed from the answer to the last that it read."""
    most = facts.policy.max_rooms
    findings = []
    obligations = 0
    for conn in facts.conns.values() if most is not None else ():
        stays = [stay for group, found in conn.episodes.items() if group.startswith("room:") for stay in found]
        spans = [(stay.je, min(stay.le, stay.end, _left_by_mate(facts, conn, stay)), stay.group) for stay in stays]
        spans = spans if conn.honest else []
        witnessed = [span for span in spans if span[0] < span[1]]
        obligations += len(witnessed)
        crowd = _crowd(facts, witnessed, most or 0)
        if crowd:
            findings.append(_in_too_many(conn, crowd, most or 0))
    return Judgement("HF201", obligations, tuple(findings[:1]))


def _left_by_mate(facts: Facts, conn: Conn, stay: Episode) -> int:
    """When another connection of its session first asked to leave the room, which gives the place back."""
    leaves = (leave for mate in facts.mates(conn) for leave in mate.leaves.get(stay.group, ()))
    return min((leave.inv for leave in leaves if leave.answered > stay.begin), default=NEVER)


def _in_too_many(conn: Conn, crowd: list[tuple[int, int, str]], most: int) -> Finding:
    rooms = ", ".join(group.removeprefix("room:") for _, _, group in crowd)
    return Finding(
        code="HF201",
        strength="violated",
        key="rooms",
        summary=f"{conn.name} (user {conn.inv.user}) was in {len(crowd)} rooms at once, at most {most} are allowed",
        expected=f"at most {most}: one more is refused",
        observed=f"{rooms}: it was told that it had joined, and in all of them it got a message that was sent later",
        witness=tuple(i for joined, life, _ in crowd for i in (joined, life)),
        conns=(conn.name,),
        proof="count",
        dial="policy.max_rooms",
    )


def _crowd(
    facts: Facts, witnessed: list[tuple[int, int, Whose]], limit: int, bound: float = 0.0
) -> list[tuple[int, int, Whose]]:
    """The members from some instant until ``bound`` seconds later, if they are more than ``limit`` all the while.

    It is enough to look where one joins."""
    for joined, _, _ in sorted(witnessed, key=lambda span: span[0]):
        there = [span for span in witnessed if span[0] <= joined < span[1] and _stays(facts, joined, span[1], bound)]
        if len(there) > limit:
            return there
    return []


def _stays(facts: Facts, joined: int, last: int, bound: float) -> bool:
    return not bound or facts.healthy(facts.t(joined), facts.t(last)) >= bound


def _exceeded(facts: Facts, user: str, crowd: list[tuple[int, int, Conn | None]], limit: Limit) -> Finding:
    names = tuple(c.name for _, _, c in crowd if c is not None)
    who = "all users together" if limit.shared else f"user {user}"
    own = f" and {len(crowd) - len(names)} of hubfuzz's control pair" if len(crowd) > len(names) else ""
    bound = facts.policy.t_evict
    later = f"more than t_evict ({bound:g} s) later" if bound else "later"
    return Finding(
        code="HF201",
        strength="violated",
        key="limit",
        summary=f"{who} had {len(crowd)} connections at once, the limit is {limit.max}",
        expected=f"at most {limit.max}: {'one more is refused' if limit.over == 'reject' else 'the oldest goes'}",
        observed=f"{', '.join(names)}{own} all had joined, and all got a message that was sent {later}",
        witness=tuple(i for joined, life, _ in crowd for i in (joined, life)),
        conns=names,
        proof="count",
        dial="policy.limit" + (", policy.t_evict" if limit.over != "reject" else ""),
    )


def refused_below_limit(facts: Facts) -> Judgement:
    """A connection of the plan was refused although no order of events explains it."""
    return _refusals(facts, "HF202", "plan", "refused-below-limit")


def slot_leak(facts: Facts) -> Judgement:
    """After quiescence fewer than the limit can be opened: some slot never came back."""
    return _refusals(facts, "HF203", "slot", "slot")


def _refusals(facts: Facts, code: str, role: str, key: str) -> Judgement:
    limit = facts.policy.limit
    if limit is None:
        return Judgement(code)
    findings = []
    obligations = 0
    for conn in facts.conns.values():
        decided = _decided(facts, conn)
        if conn.inv.role != role or not conn.honest or conn.inv.abandon is not None or _else(facts, conn, decided):
            continue  # undecided, or it gave the server another cause before the answer
        others = facts.possible_others(conn, decided, facts.t(conn.open_inv))
        outside = facts.slots.outside(decided, facts.t(conn.open_inv))
        if len(others) + outside >= limit.max:
            obligations += role == "slot" and conn.je == decided  # refused, it would have been tried again
            continue
        obligations += 1
        found = _refusal(facts, conn, decided, limit)
        if found is not None:
            dial = DIALS + _doubt(facts, conn, decided, limit)
            findings.append(_refused(conn, others, outside, decided, code, key, limit, dial, *found))
    return Judgement(code, obligations, tuple(findings))


def _doubt(facts: Facts, conn: Conn, decided: int, limit: Limit) -> str:
    """Would the refusal be right if all users shared the limit? Then the target file is likelier wrong than the hub."""
    since = facts.t(conn.open_inv)
    there = [c for c in facts.conns.values() if c is not conn and c.open_inv < decided]
    held = sum(not facts.surely_released(c, since) for c in there)
    if limit.shared or held + PAIR < limit.max:
        return ""
    return " (or is the limit shared by all: policy.limit.scope?)"


def _decided(facts: Facts, conn: Conn) -> int:
    """Where the server's answer is known: the refusal, or the evidence of having joined. Beyond any cause if never."""
    answer = conn.rejected if conn.rejected != NEVER else min(conn.je, conn.server_end)
    return answer if answer != NEVER else NEVER + 1


def _else(facts: Facts, conn: Conn, decided: int) -> bool:
    """Had it given another cause before the answer? Nobody is refused by an HTTP status for being a slow reader."""
    closed = decided < len(facts.events) and isinstance(facts.events[decided], SrvClose)
    return (conn.x if closed else conn.owed_until) < decided


def _refusal(facts: Facts, conn: Conn, decided: int, limit: Limit) -> tuple[bool, str] | None:
    """Was it surely the limit, and how was it told? None: it was not refused."""
    if decided not in (conn.rejected, conn.server_end):
        return None  # what proves it a member by time (t_join) may be an event of another
    event = facts.events[decided]
    other = _may_mind_the_name(facts, conn)
    if isinstance(event, OpenRej):
        told = event.by == "status" and event.code in limit.statuses
        return told and not other, f"{event.by} {event.code or ''}".strip()
    if isinstance(event, SrvClose) and conn.je > decided:
        late = facts.may_have_stood_still(conn.open_inv, decided)  # a hub may close who does not log in in time
        return event.code in limit.codes and not (late or other), f"close code {event.code}"
    return None


def _may_mind_the_name(facts: Facts, conn: Conn) -> bool:
    """Has it an odd name, by which nobody has got in? Some hubs refuse such, and 403 or 1008 may say that as well."""
    user = conn.inv.user
    return user in facts.history.plan.names and all(c.je == NEVER for c in facts.of_user(user))


def told_the_limit(facts: Facts, conn: Conn) -> int | None:
    """Where an opening was refused, surely because of the limit; None if it was not, or another cause came first."""
    limit, decided = facts.policy.limit, _decided(facts, conn)
    if limit is None or not conn.honest or conn.inv.abandon is not None or decided > NEVER:
        return None
    if _else(facts, conn, decided):
        return None
    found = _refusal(facts, conn, decided, limit)
    return decided if found is not None and found[0] else None


def _refused(
    conn: Conn,
    others: list[Conn],
    outside: int,
    decided: int,
    code: str,
    key: str,
    limit: Limit,
    dial: str,
    declared: bool,
    how: str,
) -> Finding:
    names = [c.name for c in others]
    holders = [*names, *(["the control pair"] if outside else [])]
    held = f"{len(names) + outside} of {limit.max} slots can be in use"
    held += f" ({', '.join(holders)})" if holders else ""
    return Finding(
        code=code,
        strength="violated" if declared else "inconclusive",
        key=key,
        summary=f"{conn.name} of user {conn.inv.user} was refused below the limit ({how})",
        expected=f"accepted: {held}",
        observed=f"refused by {how}" + ("" if declared else "; that need not be because of the limit"),
        witness=(conn.open_inv, decided),
        conns=(conn.name, *names),
        proof="count",
        dial=dial,
    )


def _limited(policy: Policy) -> bool:
    return policy.limit is not None


_RELIES = (
    "A connection counts as a possible occupant from its opening until it is surely released (t_release after a clean "
    "end, t_detect after a reset or FIN, in healthy time); attempts at the same time count, too. Where all users share "
    "the limit (limit.scope), so do the control pair and, for as long, all that was before the plan. Of a user with an "
    "odd name by which nobody has got in the name may be the reason."
)
INVARIANTS = (
    Invariant(
        "HF201",
        "limit-exceeded",
        "limit",
        "No user has more members than the limit at any instant, and no connection is in more rooms than it may be.",
        "Each counted connection joined before the instant and was in the audience of a message sent after it, before "
        "anything let the hub end it for its own sake, a standstill included; of the rooms of one connection the same "
        "holds for each room, before it asked to leave it. Where a limit evicts, they all stayed for t_evict; the "
        "message was of another. "
        "Where all users share the limit (limit.scope), those of the control pair count, if it was answered before and "
        "after.",
        "policy.limit, policy.max_rooms",
        (
            "https://github.com/colyseus/colyseus/issues/678",
            "https://github.com/eclipse-mosquitto/mosquitto/issues/3475",
        ),
        limit_exceeded,
        lambda policy: policy.limit is not None or policy.max_rooms is not None,
    ),
    Invariant(
        "HF202",
        "refused-below-limit",
        "limit",
        "Nobody is refused because of the limit while fewer than the limit can be there.",
        _RELIES,
        "policy.limit",
        ("https://github.com/colyseus/colyseus/issues/726", "https://github.com/citrineos/citrineos/issues/190"),
        refused_below_limit,
        _limited,
    ),
    Invariant(
        "HF203",
        "slot-leak",
        "cleanup",
        "When all have left, exactly the limit can be opened again.",
        _RELIES
        + " The slots are opened one after the other, each confirmed; refused ones are tried until all is released.",
        DIALS,
        ("https://github.com/besu-eth/besu/issues/11225", "https://github.com/SignalK/signalk-server/issues/2781"),
        slot_leak,
        _limited,
    ),
)
