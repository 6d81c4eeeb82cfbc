"""The server goes on doing its job (the canary) and does not crash (BUGS: I14 and I16)."""

from __future__ import annotations

from fuzzer.facts import LAG_THAT_SPOILS, NEVER, Conn, Facts
from fuzzer.history import Control, Lag, OpenRej, Phase, ServerExit, ServerLog
from fuzzer.invariants.delivery import CONTROLS_NEEDED
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement, Strength

UNRESPONSIVE = 5.0


def liveness(facts: Facts) -> Judgement:
    """A fresh user opens, sends and receives after everything else."""
    start = next((i for i, name in facts.phases if name == "canary"), NEVER)
    canaries = [c for c in facts.conns.values() if c.inv.role == "canary"]
    if start == NEVER or not canaries:
        return Judgement("HF501")
    trouble = [found for conn in canaries if (found := _trouble(facts, conn, start)) is not None]
    return Judgement("HF501", len(canaries), tuple(trouble[:1]))


def _trouble(facts: Facts, conn: Conn, start: int) -> Finding | None:
    if conn.rejected != NEVER:
        event = facts.events[conn.rejected]
        assert isinstance(event, OpenRej)
        return _rejected(facts, conn, event, start)
    end = next((i for i in facts.failed_fences if i > start), NEVER)
    if end == NEVER or _received(facts, conn, start):
        return None
    healthy = facts.healthy(facts.t(start), facts.t(end))
    good = facts.controls_begun_after(facts.t(start), facts.t(end))
    if healthy >= facts.policy.deadline and good >= CONTROLS_NEEDED:
        return _finding(
            conn, (start, end), "canary", "violated", f"nothing in {healthy:.2f} s, while the control pair was answered"
        )
    dead = _unanswered(facts, facts.t(start), facts.t(end))
    strength: Strength = "violated" if dead >= max(UNRESPONSIVE, facts.policy.deadline) else "inconclusive"
    return _finding(conn, (start, end), "unresponsive", strength, f"no answer to anybody for {dead:.2f} s")


def _received(facts: Facts, conn: Conn, start: int) -> bool:
    return any(conn.name in m.got for m in facts.messages.values() if m.inv > start)


def _rejected(facts: Facts, conn: Conn, event: OpenRej, start: int) -> Finding:
    """A fresh user is below any limit of its own; other refusals (overload, for one) the policy does not speak of."""
    limit = facts.policy.limit
    by_limit = limit is not None and event.by == "status" and event.code in limit.statuses
    how = f"{event.by} {event.code or ''} {event.reason}".strip()
    return _finding(
        conn, (start, conn.rejected), "refused", "violated" if by_limit else "inconclusive", f"refused: {how}"
    )


def _unanswered(facts: Facts, start: float, end: float) -> float:
    """The longest stretch in which every round trip of the control pair failed and hubfuzz itself was not late."""
    longest = 0.0
    begun: float | None = None
    for event in facts.events:
        if isinstance(event, Lag) and event.seconds > LAG_THAT_SPOILS:
            begun = None
        elif isinstance(event, Control) and start <= event.since and event.t <= end:
            begun = None if event.ok else (event.since if begun is None else begun)
            longest = max(longest, 0.0 if begun is None else event.t - begun)
    return longest


def _finding(conn: Conn, witness: tuple[int, int], key: str, strength: Strength, observed: str) -> Finding:
    return Finding(
        code="HF501",
        strength=strength,
        key=key,
        summary=f"after the plan a fresh user's {conn.name} could not open, send and receive",
        expected="a fresh user is served as before",
        observed=observed,
        witness=witness,
        conns=(conn.name,),
        proof="deadline",
        dial="policy.deadline",
    )


def crash(facts: Facts) -> Judgement:
    """The server process ended, or logged an error that it did not handle."""
    findings = []
    for i, event in enumerate(facts.events):
        if isinstance(event, ServerExit):
            findings.append(_crashed(i, "exit", f"the server process ended with status {event.status}"))
        elif isinstance(event, ServerLog):
            findings.append(_crashed(i, "log", f"the server logged: {event.line}"))
    watched = any(isinstance(e, Phase) for e in facts.events)
    return Judgement("HF502", int(watched), tuple(findings[:1]))


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
        "The deadline passed in healthy time; or nobody was answered for 5 s while hubfuzz itself was not late.",
        "policy.deadline",
        ("https://github.com/superplanehq/superplane/issues/6427", "https://github.com/gofiber/recipes/pull/112"),
        liveness,
    ),
    Invariant(
        "HF502",
        "crash",
        "liveness",
        "The server process does not end by itself and logs no unhandled error.",
        "hubfuzz started the process and did not stop it; log lines count only if the target file calls them errors.",
        "probe.log_errors",
        ("https://github.com/cih1996/ai-hub/issues/40", "https://github.com/websockets/ws/issues/1269"),
        crash,
    ),
)
