"""A server that is told to end does so in time, and every client sees it (BUGS: shutdown, I19)."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.facts_time import LAG_THAT_SPOILS
from fuzzer.history import StopInv
from fuzzer.invariants.registry import Invariant
from fuzzer.invariants.silence import CONTROLS_NEEDED
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement


def shutdown(facts: Facts) -> Judgement:
    """The process outlived t_shutdown after SIGTERM, or a client of it never saw its connection end."""
    findings: dict[str, Finding] = {}
    obligations = 0
    for told, ended in _stops(facts):
        obligations += 1
        for found in (*_too_late(facts, told, ended), *_unended(facts, told, ended)):
            findings.setdefault(found.key, found)
    return Judgement("HF505", obligations, tuple(findings.values()))


def _stops(facts: Facts) -> Iterator[tuple[int, int]]:
    """(StopInv, Stopped) of each server process."""
    for told, back in facts.outages:
        ended = next((i for i, _ in facts.stops if told < i < back), NEVER)
        if ended != NEVER and isinstance(facts.events[told], StopInv):
            yield told, ended


def _too_late(facts: Facts, told: int, ended: int) -> Iterator[Finding]:
    """No control pair shows whether a server that ends was merely held up, so it is given that much more time."""
    bound = facts.policy.t_shutdown or 0.0
    seconds = facts.t(ended) - facts.t(told)
    killed = next(e.status is None for i, e in facts.stops if i == ended)
    if seconds <= bound and not killed:
        return
    disturbed = facts.clock.worst_own_lag(facts.t(told), facts.t(ended)) > LAG_THAT_SPOILS
    calm = not disturbed and not any(a < ended and b > told for a, b in facts.pauses)
    sure = seconds > bound + facts.policy.t_held_up and calm
    yield Finding(
        code="HF505",
        strength="violated" if sure else "inconclusive",
        key="late",
        summary=f"the server did not end within {bound:g} s of SIGTERM",
        expected=f"the process ends within t_shutdown {bound:g} s, whatever its clients do",
        observed=f"{'killed' if killed else 'ended'} after {seconds:.2f} s",
        witness=(told, ended),
        proof="deadline",
        dial="policy.t_shutdown",
    )


def _unended(facts: Facts, told: int, ended: int) -> Iterator[Finding]:
    """Long after the process has ended a connection that was open shows no end."""
    for conn in facts.conns.values():
        if not conn.open_ok < told or conn.server_end != NEVER or not conn.only_cause("stop", _until(facts, conn)):
            continue
        since, until = facts.t(ended), facts.t(_until(facts, conn))
        good = facts.clock.good_round_trips(since, until)
        if facts.healthy(since, until) >= facts.policy.deadline and good >= CONTROLS_NEEDED:
            yield _still_open(facts, conn, told, ended, facts.healthy(since, until))


def _until(facts: Facts, conn: Conn) -> int:
    return min(conn.close_inv, conn.first_drop, conn.first_fault, len(facts.events) - 1)


def _still_open(facts: Facts, conn: Conn, told: int, ended: int, healthy: float) -> Finding:
    return Finding(
        code="HF505",
        strength="violated",
        key="unended",
        summary=f"{conn.name} saw no end though its server had ended",
        expected=f"every connection ends with its server, within {facts.policy.deadline:g} s",
        observed=f"the process ended at {facts.t(ended):.3f} s; nothing was read on {conn.name} in {healthy:.2f} s",
        witness=(told, ended),
        conns=(conn.name,),
        proof="deadline",
        dial="policy.t_shutdown",
    )


def _shuts_down(policy: Policy) -> bool:
    return policy.t_shutdown is not None


INVARIANTS = (
    Invariant(
        "HF505",
        "shutdown",
        "closing",
        "After SIGTERM the server process ends within t_shutdown, and every connection sees its end.",
        "hubfuzz started the process and was not late itself while it ended, nor was the process stopped meanwhile. "
        "It has t_held_up (3 s) more than t_shutdown, since nothing else shows whether the machine held it up. Exit "
        "statuses are not judged.",
        "policy.t_shutdown",
        (
            "https://github.com/mattermost/mattermost/pull/7577",
            "https://github.com/NousResearch/hermes-agent/pull/88539",
            "https://github.com/hrygo/hotplex/issues/33",
        ),
        shutdown,
        _shuts_down,
    ),
)
