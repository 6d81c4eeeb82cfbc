"""Wrong steps that only time shows: presence, zombies, expiry, shutdown, growing resources, kept and extra slots.

Margins are wider than the judge's own: nothing stood still in these histories, so that wall-clock time is healthy time.
"""

from __future__ import annotations

from random import Random

import msgspec
from mutations import Events, changed, inserted, pick, untroubled

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.facts_records import Question
from fuzzer.history import Dlv, Probe, Stopped

MARGIN = 0.6


def _questions(facts: Facts) -> list[Question]:
    asked = (q for questions in facts.answers.values() for q in questions)
    return [q for q in asked if q.answered != NEVER and facts.conns[q.conn].honest and not facts.conns[q.conn].faults]


def _long_there(facts: Facts, conn: Conn, question: Question) -> bool:
    bound = (facts.policy.t_presence or 0.0) + MARGIN
    there = conn.je < question.inv < question.answered < min(conn.x, conn.server_end)
    return there and facts.t(question.inv) - facts.t(conn.je) > bound


def drop_presence(facts: Facts, rng: Random) -> Events | None:
    sites = []
    for question in _questions(facts):
        there = [u for u, conns in facts.users.items() if any(_long_there(facts, c, question) for c in conns)]
        sites += [(question, user) for user in there]
    site = pick(rng, sites)
    return site and changed(facts, site[0].answered, users=tuple(u for u in site[0].users if u != site[1]))


def keep_presence(facts: Facts, rng: Random) -> Events | None:
    """Every connection of the user had closed in good order long before the question."""
    bound = (facts.policy.t_presence or 0.0) + facts.policy.t_release + MARGIN
    sites = []
    for question in _questions(facts):
        for user, conns in facts.users.items():
            known = [c for c in conns if c.open_inv < question.answered]
            if known and all(facts.t(c.close_ok) < facts.t(question.inv) - bound for c in known):
                sites.append((question, user))
    site = pick(rng, sites)
    return site and changed(facts, site[0].answered, users=(*site[0].users, site[1]))


def list_a_zombie(facts: Facts, rng: Random) -> Events | None:
    bound = (facts.policy.t_heartbeat or 0.0) + (facts.policy.t_presence or 0.0) + MARGIN
    sites = []
    for question in _questions(facts):
        for user, conns in facts.users.items():
            known = [c for c in conns if c.open_inv < question.answered]
            before = facts.t(question.inv) - bound
            if known and all(
                _vanished(c) and c.open_ok < c.first_drop and facts.t(c.first_drop) < before for c in known
            ):
                sites.append((question, user))
    site = pick(rng, sites)
    return site and changed(facts, site[0].answered, users=(*site[0].users, site[1]))


def _vanished(conn: Conn) -> bool:
    return bool(conn.drops) and conn.drops[0][1].how == "vanish" and conn.honest and conn.open_ok < conn.first_drop


def serve_expired(facts: Facts, rng: Random) -> Events | None:
    sites = []
    for conn in facts.conns.values():
        over = (conn.inv.expires or float("inf")) + (facts.policy.t_expiry or 0.0) + MARGIN
        later = (m for m in facts.messages.values() if facts.t(m.inv) > over and m.group in conn.episodes)
        sites += [(m, conn) for m in later if conn.open_ok < m.inv < min(conn.server_end, conn.close_inv)]
    site = pick(rng, sites)
    return site and inserted(facts, site[0].inv, Dlv, msg=site[0].name, conn=site[1].name)


def outlive_sigterm(facts: Facts, rng: Random) -> Events | None:
    """The process ends eight seconds later than it did, and so does everything after it come later."""
    site = pick(rng, facts.stops)
    if site is None or (facts.clock.standstills and not facts.outages):
        return None
    later = [msgspec.structs.replace(e, t=e.t + 8) for e in facts.events[site[0] :]]
    later[0] = Stopped(later[0].t, None)
    return [*facts.events[: site[0]], *later]


def leak_descriptors(facts: Facts, rng: Random) -> Events | None:
    readings = [i for i, e in facts.probes if e.name == "process.fds" and e.when == "cycle"]
    if (
        len(readings) < 8
        or facts.outages
        or not all(c.close_ok != NEVER and untroubled(c) for c in facts.conns.values())
    ):
        return None
    events: Events = list(facts.events)
    for number, index in enumerate(readings):
        events[index] = Probe(events[index].t, "process.fds", 20 + number, "cycle")
    return events


def keep_a_slot(facts: Facts, rng: Random) -> Events | None:
    """The hub itself did it (``Ways.bug``): its last count shows whether."""
    counts = [e.value for _, e in facts.probes if e.name == "connections" and e.when == "after"]
    quiet = all(c.close_ok != NEVER for c in facts.conns.values() if c.open_inv < facts.drain)
    return list(facts.events) if counts and counts[-1] > 0 and quiet else None


def admit_one_above(facts: Facts, rng: Random) -> Events | None:
    """The hub itself did it: more connections than the limit opened for the slots, and one message reached them all."""
    limit = facts.policy.limit
    for user, conns in facts.users.items():
        slots = [c for c in conns if c.inv.role == "slot" and c.je != NEVER and c.open_inv > facts.drain]
        for message in facts.messages.values():
            reached = [c for c in slots if c.je < message.inv and c.name in message.got]
            if limit and len(reached) > limit.max and message.group == f"user:{user}":
                return list(facts.events)
    return None
