"""A peer that is never heard of again is given up within ``t_heartbeat``, and what it held is free (BUGS: reap, I13).

Three things show that the hub still holds it: a presence answer to a question asked later, a slot that is refused
because of it, or (a connection that reads on but answers no ping) a message sent later that still reached it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.facts_progress import unseen
from fuzzer.invariants.limit import told_the_limit
from fuzzer.invariants.presence import answered
from fuzzer.invariants.registry import Invariant
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement


def zombie(facts: Facts) -> Judgement:
    """A connection is still held though it has answered nothing for longer than ``t_heartbeat``."""
    silent = [c for c in facts.conns.values() if _silent_since(facts, c) != NEVER]
    found = chain(_listed(facts), _refused(facts), _reached(facts, silent))
    first = {f.key: f for f in reversed(list(found))}
    return Judgement("HF403", _obligations(facts, silent), tuple(reversed(first.values())))


def _silent_since(facts: Facts, conn: Conn) -> int:
    """Since when the hub has heard nothing of it; NEVER if it did, or was never open.

    A hub that still works through what it had sent hears of it later than it was sent."""
    mute = min((start for start, _, kind in conn.faults if kind == "mute"), default=NEVER)
    vanished = min((i for i, drop in conn.drops if drop.how == "vanish"), default=NEVER)
    since = min(mute, vanished)
    if since == NEVER or conn.open_ok > since or not conn.honest:
        return NEVER
    held = facts.held_up[conn.name] if facts.policy.slow_consumer == "lossless" else -1
    return max(since, held, facts.heard.get(conn.name, -1), *conn.spoke, *conn.garbage)


def _due(facts: Facts, conn: Conn, at: float, more: float = 0.0) -> bool:
    """Must the hub have given it up ``more`` seconds before ``at``?

    Not by this rule once it has ended in another way: then t_release or t_detect counts from there.
    """
    since, bound = _silent_since(facts, conn), facts.policy.t_heartbeat
    ended = min(conn.server_end, conn.close_inv, conn.let_go, conn.causes["stop"])
    if bound is None or since == NEVER or not facts.t(since) <= at < facts.t(ended):
        return False
    return facts.healthy(facts.t(since), at) >= bound + more + _backlog(facts, conn) + _ending(facts, conn, at)


def _ending(facts: Facts, conn: Conn, at: float) -> float:
    """Seconds that a hub may take that has begun to end it for another cause: it pings no more, and waits for a Close.

    Who reads nothing shows nothing of that."""
    policy, causes = facts.policy, conn.causes.items()
    other = conn.deaf and any(facts.t(index) <= at for kind, index in causes if kind not in ("fault", "drop"))
    return max(policy.t_release, policy.t_detect) if other else 0.0


def _backlog(facts: Facts, conn: Conn) -> float:
    """Seconds that a hub may take to read the last thing that it had sent, where no delivery shows that it has."""
    return facts.policy.deadline if unseen(facts, conn) or facts.held_up[conn.name] >= 0 else 0.0


def _obligations(facts: Facts, silent: list[Conn]) -> int:
    """Silent ones of whom something was asked, or to whom something was sent, after their time was over."""
    asked = [facts.t(q.inv) for questions in facts.answers.values() for q in questions if q.answered != NEVER]
    asked += [facts.t(c.open_inv) for c in facts.conns.values()]
    asked += [facts.t(m.inv) for m in facts.messages.values()]
    return sum(1 for c in silent if any(_due(facts, c, at) for at in asked))


# ---- evidence ------------------------------------------------------------------------------------------------------


def _listed(facts: Facts) -> Iterator[Finding]:
    """A presence answer names a user of whom every connection is a zombie, or surely gone."""
    more = facts.policy.t_presence
    for question in answered(facts):
        at = facts.t(question.inv)
        for user in question.users if more is not None else ():
            mates = [c for c in facts.of_user(user) if c.open_inv < question.answered]
            gone = [c for c in mates if facts.surely_released(c, at, more or 0.0)]
            dead = [c for c in mates if c not in gone and _due(facts, c, at, more or 0.0)]
            if dead and len(gone) + len(dead) == len(mates):
                said = f"asked by {question.conn}, the hub still counts user {user} as present"
                witness = (_silent_since(facts, dead[0]), question.inv, question.answered)
                yield _finding(facts, dead[0], witness, said, at)


def _refused(facts: Facts) -> Iterator[Finding]:
    """An opening was refused because of the limit, though only a zombie can have filled it."""
    limit = facts.policy.limit
    for conn in facts.conns.values() if limit is not None else ():
        answered = told_the_limit(facts, conn)
        if limit is None or answered is None:
            continue
        at = facts.t(conn.open_inv)
        others = facts.possible_others(conn, answered, at)
        dead = [c for c in others if _due(facts, c, at)]
        most = len(others) + facts.slots.outside(answered, at)
        if most >= limit.max > most - len(dead):
            said = f"{conn.name} was refused, because {dead[0].name} still holds one of {limit.max} slots"
            yield _finding(facts, dead[0], (_silent_since(facts, dead[0]), conn.open_inv, answered), said, at)


def _reached(facts: Facts, silent: list[Conn]) -> Iterator[Finding]:
    """A message that was sent when its time was over was delivered to it."""
    for conn in silent:
        if conn.le > _silent_since(facts, conn) and _due(facts, conn, facts.t(conn.le)):
            said = f"a message that was sent at {facts.t(conn.le):.3f} s still reached it"
            yield _finding(facts, conn, (_silent_since(facts, conn), conn.le), said, facts.t(conn.le))


def _finding(facts: Facts, conn: Conn, witness: tuple[int, ...], said: str, at: float) -> Finding:
    bound = facts.policy.t_heartbeat or 0.0
    silent = facts.healthy(facts.t(witness[0]), at)
    return Finding(
        code="HF403",
        strength="violated",
        key="zombie",
        summary=f"{conn.name} (user {conn.inv.user}), silent since {facts.t(witness[0]):.3f} s, was not given up",
        expected=f"given up within t_heartbeat {bound:g} s",
        observed=f"{said}, after {silent:.2f} s of silence during which the control pair was answered",
        witness=witness,
        conns=(conn.name,),
        proof="deadline",
        dial="policy.t_heartbeat",
    )


def _has_heartbeat(policy: Policy) -> bool:
    return policy.t_heartbeat is not None


INVARIANTS = (
    Invariant(
        "HF403",
        "zombie",
        "cleanup",
        "A peer that answers nothing any more is given up within t_heartbeat, and its slot and presence end with it.",
        "t_heartbeat is declared and has passed in healthy time since the connection vanished, or answered its last "
        "ping, and since the last thing it sent; and the deadline, if something that it sent was seen by nobody; and "
        "t_release or t_detect, if it reads nothing, and another cause (a takeover, say) let the hub end it before. "
        "Evidence: a presence answer (asked t_presence later still) that names a user with no other connection; a "
        "refusal because of the limit that only this slot explains; or a message sent later that reached it. A "
        "connection that never finished its handshake is not judged.",
        "policy.t_heartbeat",
        (
            "https://github.com/Kludex/starlette/issues/1811",
            "https://github.com/laravel/reverb/issues/375",
            "https://github.com/actix/actix-web/issues/2441",
        ),
        zombie,
        _has_heartbeat,
    ),
)
