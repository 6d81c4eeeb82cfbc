"""The end of an old connection does no harm to the one that took over its session (BUGS: succession, I10).

Nor does the old connection stand in the way of the new one: who comes back at the limit takes the place of its
predecessor and needs none of its own. Every loss and every close that is told here is one that HF101 or HF301 would
convict by itself; this is the better explanation of it, and the judges tell it once.
"""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.facts_lateness import ALWAYS
from fuzzer.invariants.delivery import silent_loss
from fuzzer.invariants.lifecycle import ended_without_cause
from fuzzer.invariants.limit import told_the_limit
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
    returning = [(c, older) for c in facts.conns.values() if (older := _registered_before(facts, c))]
    for conn, older in returning:
        for found in _kept_out(facts, conn, older):
            findings.setdefault(found.key, found)
    return Judgement("HF404", max(len(heirs), len(returning)), tuple(findings.values()))


def _registered_before(facts: Facts, conn: Conn) -> list[Conn]:
    """Connections of the same session that all processes of the hub had surely heard of before this one was opened."""
    if conn.inv.session is None or not conn.honest:
        return []
    mates = (c for c in facts.of_user(conn.inv.user) if c.inv.session == conn.inv.session and c is not conn)
    return [c for c in mates if c.je < conn.open_inv and _told(facts, c, conn)]


def _told(facts: Facts, old: Conn, conn: Conn) -> bool:
    """Had ``t_evict`` passed, within which the processes of a hub tell each other who has come?"""
    return facts.healthy(facts.t(old.je), facts.t(conn.open_inv)) >= facts.policy.t_evict


def _kept_out(facts: Facts, conn: Conn, older: list[Conn]) -> Iterator[Finding]:
    """It was refused because of the limit, which only its own predecessors can have filled."""
    limit, answered = facts.policy.limit, told_the_limit(facts, conn)
    if limit is None or answered is None:
        return
    others = facts.possible_others(conn, answered, facts.t(conn.open_inv))
    mine = [c for c in older if c in others and _in_place(facts, c, conn, answered)]
    outside = facts.slots.outside(answered, facts.t(conn.open_inv))
    if mine and len(others) + outside - len(mine) < limit.max:
        said = f"{conn.name} was refused, because {mine[0].name} still holds one of {limit.max} slots"
        late = facts.may_be_given_up(mine[0], answered)  # a hub may have given it up, and its slot has its own time
        yield _finding(facts, mine[0], conn, "refused", said, (mine[0].je, conn.open_inv, answered), late)


def _in_place(facts: Facts, old: Conn, conn: Conn, answered: int) -> bool:
    """Was it still the session's own, as far as the hub can have known, until ``conn`` came and was answered?

    Who had begun to end otherwise may be forgotten already, and its slot not be free before its own time. So may who
    vanished, as soon as a hub may have noticed: one that promises no heartbeat may have one.
    """
    unheard = facts.policy.t_heartbeat is None and all(drop.how == "vanish" for _, drop in old.drops)
    unnoticed = unheard and facts.t(answered) - facts.t(old.first_drop) < ALWAYS
    other = ("takeover", *(("drop",) if unnoticed else ()))
    ended = min(old.server_end, *(index for kind, index in old.causes.items() if kind not in other))
    return ended > answered and old.causes["takeover"] >= conn.open_inv


def _predecessor(facts: Facts, conn: Conn) -> Conn | None:
    """The latest older connection of the same session that has ended."""
    mates = (c for c in facts.of_user(conn.inv.user) if c.inv.session == conn.inv.session and c is not conn)
    ended = [c for c in mates if conn.inv.session is not None and c.je < conn.open_inv and _end(c) != NEVER]
    return max(ended, key=_end, default=None)


def _end(conn: Conn) -> int:
    """When it began to end, as far as we know."""
    return min(conn.close_inv, conn.first_drop, conn.server_end)


def _closed(facts: Facts, old: Conn, conn: Conn) -> Finding:
    late = facts.may_be_given_up(conn, conn.server_end)
    said = f"the server ended {conn.name} at {facts.t(conn.server_end):.3f} s"
    witness = (conn.je, _end(old), conn.server_end)
    return _finding(
        facts, old, conn, "closed", f"{said}{'; but hubfuzz or the server was late' if late else ''}", witness, late
    )


def _deaf(facts: Facts, old: Conn, conn: Conn, loss: Finding) -> Finding:
    return _finding(facts, old, conn, "deaf", f"{loss.summary}: {loss.observed}", (_end(old), *loss.witness))


_DAMAGED = "the end of {old} damaged {conn}, which had taken over its session {session}"
_UNHARMED = "{conn} goes on receiving and stays open, whatever becomes of {old}"
_SUMMARIES = {"deaf": _DAMAGED, "closed": _DAMAGED, "refused": "{old} kept {conn} out, which came back as {session}"}
_EXPECTED = {
    "deaf": _UNHARMED + ", within {deadline:g} s",
    "closed": _UNHARMED,
    "refused": "{conn} takes the place of {old}",
}


def _finding(
    facts: Facts, old: Conn, conn: Conn, key: str, said: str, witness: tuple[int, ...], late: bool = False
) -> Finding:
    return Finding(
        code="HF404",
        strength="inconclusive" if late else "violated",
        key=key,
        summary=_SUMMARIES[key].format(old=old.name, conn=conn.name, session=conn.inv.session),
        expected=_EXPECTED[key].format(old=old.name, conn=conn.name, deadline=facts.policy.deadline),
        observed=said,
        witness=witness,
        conns=(conn.name, old.name),
        proof="deadline" if key == "deaf" else "state",
        dial='policy.sessions = "independent"' + (", policy.t_evict" if key == "refused" else ""),
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
        "loss (by deadline, nothing sent later arrived) or the close convicts by the rules of HF101 or HF301. Who "
        "comes back with a session may be refused because of the limit only if others can have filled it than "
        "predecessors that had joined (t_evict in healthy time) before it was opened, and that nothing else had begun "
        "to end; one that vanished half a second before may have been given up by a heartbeat of which nothing is "
        "promised.",
        "policy.sessions",
        (
            "https://github.com/Chetan0e/Verath/issues/229",
            "https://github.com/eclipse-mosquitto/mosquitto/issues/1489",
            "https://github.com/zauberzeug/nicegui/issues/4253",
            "https://github.com/citrineos/citrineos/issues/190",
        ),
        succession,
        _takes_over,
    ),
)
