"""The end of an old connection does no harm to the one that took over its session (BUGS: succession, I10).

Every loss and every close that is told here is one that HF101 or HF301 would convict by itself; this is the better
explanation of it, and the judges tell it once.
"""

from __future__ import annotations

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.invariants.delivery import silent_loss
from fuzzer.invariants.lifecycle import ended_without_cause
from fuzzer.invariants.registry import Invariant
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement


def succession(facts: Facts) -> Judgement:
    """A connection that took over a session went deaf, or was closed, after the old one had ended."""
    heirs = {c.name: old for c in facts.conns.values() if c.je != NEVER and (old := _predecessor(facts, c)) is not None}
    findings: dict[str, Finding] = {}
    for conn in (facts.conns[name] for name in heirs):
        old = heirs[conn.name]
        if ended_without_cause(facts, conn) and _end(old) < conn.server_end:
            findings.setdefault("closed", _closed(facts, old, conn))
    for message, conn in facts.owed if heirs and facts.failed_fences else ():
        old = heirs.get(conn.name, conn)
        if old is not conn and conn.name not in message.got and _end(old) < message.inv > conn.le:
            found = silent_loss(facts, message, conn)
            if found is not None and found.strength == "violated":
                findings.setdefault("deaf", _deaf(facts, old, conn, found))
    return Judgement("HF404", len(heirs), tuple(findings.values()))


def _predecessor(facts: Facts, conn: Conn) -> Conn | None:
    """The latest older connection of the same session that has ended."""
    mates = (c for c in facts.of_user(conn.inv.user) if c.inv.session == conn.inv.session and c is not conn)
    ended = [c for c in mates if conn.inv.session is not None and c.je < conn.open_inv and _end(c) != NEVER]
    return max(ended, key=_end, default=None)


def _end(conn: Conn) -> int:
    """When it began to end, as far as we know."""
    return min(conn.close_inv, conn.first_drop, conn.server_end)


def _closed(facts: Facts, old: Conn, conn: Conn) -> Finding:
    late = facts.we_were_late(conn.open_inv, conn.server_end)
    said = f"the server ended {conn.name} at {facts.t(conn.server_end):.3f} s"
    witness = (conn.je, _end(old), conn.server_end)
    return _finding(
        facts, old, conn, "closed", f"{said}{'; but hubfuzz itself was late' if late else ''}", witness, late
    )


def _deaf(facts: Facts, old: Conn, conn: Conn, loss: Finding) -> Finding:
    return _finding(facts, old, conn, "deaf", f"{loss.summary}: {loss.observed}", (_end(old), *loss.witness))


def _finding(
    facts: Facts, old: Conn, conn: Conn, key: str, said: str, witness: tuple[int, ...], late: bool = False
) -> Finding:
    return Finding(
        code="HF404",
        strength="inconclusive" if late else "violated",
        key=key,
        summary=f"the end of {old.name} damaged {conn.name}, which had taken over its session {conn.inv.session}",
        expected=f"{conn.name} goes on receiving and stays open, whatever becomes of {old.name}",
        observed=said,
        witness=witness,
        conns=(conn.name, old.name),
        proof="deadline" if key == "deaf" else "state",
        dial='policy.sessions = "independent"',
    )


def _takes_over(policy: Policy) -> bool:
    return policy.sessions == "takeover"


INVARIANTS = (
    Invariant(
        "HF404",
        "succession",
        "cleanup",
        "The old end of a session does no harm to the connection that has taken it over.",
        "The old connection had joined before the new one was opened, and its end had begun before the harm; the "
        "loss (by deadline, nothing sent later arrived) or the close convicts by the rules of HF101 or HF301.",
        "policy.sessions",
        (
            "https://github.com/Chetan0e/Verath/issues/229",
            "https://github.com/eclipse-mosquitto/mosquitto/issues/1489",
            "https://github.com/zauberzeug/nicegui/issues/4253",
        ),
        succession,
        _takes_over,
    ),
)
