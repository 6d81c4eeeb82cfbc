"""The server goes on doing its job (the canary) and does not crash (BUGS: I14 and I16)."""

from __future__ import annotations

import msgspec

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.history import Event, OpenRej, SrvClose, StopInv
from fuzzer.invariants.registry import Invariant
from fuzzer.invariants.silence import CONTROLS_NEEDED
from fuzzer.verdict import Finding, Judgement, Strength

UNRESPONSIVE = 5.0
REFUSED = "its messages were answered with protocol.not_published"
UNREAD = "frames with the ids of its messages came, of a form that protocol.deliver does not fit"


def liveness(facts: Facts) -> Judgement:
    """A fresh user opens, sends and receives after everything else."""
    start = next((i for i, name in facts.phases if name == "canary"), NEVER)
    canaries = [c for c in facts.conns.values() if c.inv.role == "canary"]
    if start == NEVER or not canaries:
        return Judgement("HF501")
    trouble = [found for conn in canaries if (found := _trouble(facts, conn, start)) is not None]
    worst = sorted(trouble, key=lambda found: found.strength != "violated")
    asked = sum(_turned_away_at(conn) != NEVER or bool(_owed(facts, conn, start)) for conn in canaries)
    return Judgement("HF501", asked, tuple(worst[:1]))


def _turned_away_at(conn: Conn) -> int:
    """Where it was refused, or ended before it was a member; beyond the end if it was not."""
    ended = min(conn.rejected, conn.server_end)
    return ended if ended < min(conn.je, conn.close_inv) else NEVER


def _owed(facts: Facts, conn: Conn, start: int) -> list[int]:
    """Where something was sent that it had to get: to its own group, or to a room that did not refuse it."""
    groups = {group for group in conn.episodes if facts.means(group) and (conn.name, group) not in facts.refused}
    sent = [m for m in facts.messages.values() if m.inv > start and m.group in groups]
    sent = [m for m in sent if m.inv < facts.conns[m.conn].causes["rate"]]
    return [m.inv for m in sent if m.conn != conn.name or facts.policy.echo != "never"]


def _trouble(facts: Facts, conn: Conn, start: int) -> Finding | None:
    ended = _turned_away_at(conn)
    if conn.causes["stop"] < min(conn.rejected, conn.server_end):
        return None  # we told the server to end
    if ended != NEVER:
        return None if _may_be_full(facts, conn, ended) else _turned_away(facts, conn, ended, start)
    unwelcome = _unwelcomed(facts, conn, start)
    if unwelcome is not None:
        return unwelcome
    end = next((i for i in facts.failed_fences if i > start), NEVER)
    sent = next((i for i in _owed(facts, conn, start) if i < end), None)
    if end == NEVER or sent is None or _received(facts, conn, start) or min(conn.close_inv, conn.server_end) < end:
        return None
    if _all_refused(facts, start):
        refused = _finding(conn, (start, end), "canary", "inconclusive", REFUSED)
        return msgspec.structs.replace(refused, dial="protocol.not_published")
    if any(conn.name in m.unread for m in facts.messages.values() if m.inv > start):
        return _finding(conn, (start, end), "canary", "inconclusive", UNREAD, facts.policy.deadline)
    return _silent(facts, conn, max(conn.open_inv, sent), end)


def _all_refused(facts: Facts, start: int) -> bool:
    """Has the hub told the canaries that it publishes nothing of theirs? That need not be for good: a rate of all."""
    sent = [m.name for m in facts.messages.values() if m.inv > start]
    return facts.passing.not_published.issuperset(sent)


def _unwelcomed(facts: Facts, conn: Conn, start: int) -> Finding | None:
    """A 101, and then none of the welcome that others got, though the deadline for it has passed."""
    end, policy = min(conn.close_inv, len(facts.events) - 1), facts.policy
    others = any(not joined.group.startswith("room:") for _, joined in facts.joins)
    if policy.join_evidence != "welcome" or not others or conn.je != NEVER or conn.open_ok > end:
        return None
    since, until, bound = facts.t(conn.open_ok), facts.t(end), policy.deadline + policy.t_join
    if facts.healthy(since, until) < bound or facts.clock.good_round_trips(since, until) < CONTROLS_NEEDED:
        return None
    observed = f"it was never welcomed in {facts.healthy(since, until):.2f} s, while the control pair was answered"
    return _finding(conn, (start, end), "canary", "violated", observed, bound)


def _silent(facts: Facts, conn: Conn, start: int, end: int) -> Finding:
    bound = facts.policy.deadline + facts.policy.t_join
    healthy = facts.healthy(facts.t(start), facts.t(end))
    good = facts.clock.good_round_trips(facts.t(start), facts.t(end))
    if healthy >= bound and good >= CONTROLS_NEEDED:
        observed = f"nothing in {healthy:.2f} s, while the control pair was answered"
        return _finding(conn, (start, end), "canary", "violated", observed, bound)
    bound, dead = max(UNRESPONSIVE, facts.policy.deadline), facts.clock.unanswered(facts.t(start), facts.t(end))
    observed = f"no answer to anybody, the control pair included, for {dead:.2f} s"
    return _finding(
        conn, (start, end), "unresponsive", "violated" if dead >= bound else "inconclusive", observed, bound
    )


def _received(facts: Facts, conn: Conn, start: int) -> bool:
    return any(conn.name in m.got for m in facts.messages.values() if m.inv > start)


def _turned_away(facts: Facts, conn: Conn, ended: int, start: int) -> Finding:
    """A fresh user is below any limit of its own; other refusals (overload, for one) the policy does not speak of."""
    event = facts.events[ended]
    late = facts.may_be_given_up(conn, ended)
    if isinstance(event, SrvClose):  # a hub may close who does not log in in time
        late = late or facts.may_have_stood_still(conn.open_inv, ended)
    sure = _tells_the_limit(facts, event) and not late
    strength: Strength = "violated" if sure else "inconclusive"
    return _finding(conn, (start, ended), "refused", strength, f"refused: {_how(event)}")


def _may_be_full(facts: Facts, conn: Conn, ended: int) -> bool:
    """May others than its own user hold all the slots? Then another canary is tried when they are released."""
    limit, at = facts.policy.limit, facts.t(conn.open_inv)
    if limit is None or not limit.shared or not _tells_the_limit(facts, facts.events[ended]):
        return False
    return len(facts.possible_others(conn, ended, at)) + facts.slots.outside(ended, at) >= limit.max


def _tells_the_limit(facts: Facts, event: Event) -> bool:
    limit = facts.policy.limit
    if limit is None:
        return False
    if isinstance(event, OpenRej):
        return event.by == "status" and event.code in limit.statuses
    return isinstance(event, SrvClose) and event.code in limit.codes


def _how(event: Event) -> str:
    if isinstance(event, OpenRej):
        return f"{event.by} {event.code or ''} {event.reason}".strip()
    return f"close {event.code} {event.reason}".strip() if isinstance(event, SrvClose) else "the connection was ended"


def _finding(
    conn: Conn, witness: tuple[int, int], key: str, strength: Strength, observed: str, bound: float | None = None
) -> Finding:
    return Finding(
        code="HF501",
        strength=strength,
        key=key,
        summary=f"after the plan a fresh user's {conn.name} could not open, send and receive",
        expected="a fresh user is served as before" + (f", within {bound:g} s" if bound else ""),
        observed=observed,
        witness=witness,
        conns=(conn.name,),
        proof="deadline" if bound else "state",
        dial="policy.deadline" if bound else "policy.limit",
    )


def crash(facts: Facts) -> Judgement:
    """The server process ended, or logged an error that it did not handle. The end is told first: it is the worse."""
    exits = [_crashed(i, "exit", f"the server process ended with status {e.status}") for i, e in facts.exits]
    logs = [_crashed(i, "log", f"the server logged: {e.line}") for i, e in facts.logs if not _being_stopped(facts, i)]
    watched = bool(facts.phases) and facts.history.ours
    return Judgement("HF502", int(watched), tuple((exits + logs)[:1]))


def _being_stopped(facts: Facts, index: int) -> bool:
    """What a server logs while it obeys a SIGTERM (tasks cancelled, say) is no error that it failed to handle."""
    return any(stop < index < back and isinstance(facts.events[stop], StopInv) for stop, back in facts.outages)


def _crashed(index: int, key: str, observed: str) -> Finding:
    return Finding(
        code="HF502",
        strength="violated",
        key=key,
        summary=observed,
        expected="the server runs on and handles its errors",
        observed=observed,
        witness=(index,),
        dial="probe.log_errors" if key == "log" else "",
    )


INVARIANTS = (
    Invariant(
        "HF501",
        "liveness",
        "liveness",
        "After every plan a fresh user can open, send and receive.",
        "Something was sent to it: to its user, or to a room that it was let into where groups are rooms. The deadline "
        "passed in healthy time since then; or nobody was answered for 5 s while hubfuzz itself was not late. A "
        "refusal counts only if the limit cannot be full.",
        "policy.deadline",
        ("https://github.com/superplanehq/superplane/issues/6427", "https://github.com/gofiber/recipes/pull/112"),
        liveness,
    ),
    Invariant(
        "HF502",
        "crash",
        "liveness",
        "The server process does not end by itself and logs no unhandled error.",
        "hubfuzz started the process and did not stop it; log lines count only if the target file calls them errors, "
        "and not while the server ends because it was told to.",
        "probe.log_errors",
        ("https://github.com/cih1996/ai-hub/issues/40", "https://github.com/websockets/ws/issues/1269"),
        crash,
    ),
)
