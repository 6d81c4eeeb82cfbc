"""One wrong step in the history of a correct hub: what is changed, where it may be, and which invariant must see it.

A mutation looks only at what the history itself shows, with margins of its own where time matters, and returns the
changed events, or None where the specification does not oblige anybody to see the change.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import msgspec

from fuzzer.facts import NEVER, Conn, Facts, Message
from fuzzer.history import (
    Dlv,
    Event,
    Frame,
    History,
    Joined,
    Named,
    OpenInv,
    OpenRej,
    ServerExit,
    SrvBad,
    SrvClose,
    SrvEof,
    Stray,
    TcpClosed,
)

Events = list[Any]
Change = Callable[[Facts, Random], Events | None]


class Mutation(NamedTuple):
    """``kinds``: steps that lead there; ``dials`` and ``ways``: what the hub must promise and do for it to matter."""

    name: str
    codes: tuple[str, ...]
    change: Change
    kinds: tuple[str, ...] = ()
    dials: dict[str, Any] = {}
    ways: dict[str, Any] = {}


# ---- tools ---------------------------------------------------------------------------------------------------------


def pick(rng: Random, sites: list[Any]) -> Any:
    return rng.choice(sites) if sites else None


def inserted(facts: Facts, index: int, *kinds: type, **fields: Any) -> Events:
    """New events right behind ``index``, at the same time."""
    new = [kind(t=facts.events[index].t, **fields) for kind in kinds]
    return [*facts.events[: index + 1], *new, *facts.events[index + 1 :]]


def without(facts: Facts, unwanted: Callable[[int, Event], bool]) -> Events:
    return [e for i, e in enumerate(facts.events) if not unwanted(i, e)]


def changed(facts: Facts, index: int, **fields: Any) -> Events:
    """The event with other values."""
    event = msgspec.structs.replace(facts.events[index], **fields)
    return [*facts.events[:index], event, *facts.events[index + 1 :]]


def untroubled(conn: Conn) -> bool:
    """Honest, and never anything but opened and at last closed."""
    others = (index for kind, index in conn.causes.items() if kind != "close")
    return conn.honest and conn.je != NEVER and min(others) == NEVER


def once(facts: Facts, conn: Conn, message: Message) -> bool:
    """Was it read just once on this connection?"""
    return sum(1 for _, e in facts.deliveries if e.conn == conn.name and e.msg == message.name) == 1


def live_pairs(facts: Facts) -> list[tuple[Message, Conn]]:
    """(m, c): owed, read once, by somebody who never left the group, and from somebody who did not either."""
    pairs = [(m, c) for m, c in facts.owed if untroubled(c) and len(c.episodes[m.group]) == 1]
    pairs = [(m, c) for m, c in pairs if len(c.subscriptions.get(m.group, ())) <= 1]
    return [(m, c) for m, c in pairs if c.name in m.got and once(facts, c, m)]


def closed_by_us(facts: Facts) -> list[Conn]:
    """Members that did nothing but close, when the others were still there."""
    return [c for c in facts.conns.values() if untroubled(c) and c.je < c.close_inv < c.server_end < NEVER]


def ended_instead(facts: Facts, conn: Conn, code: int) -> Events:
    """The server closes it just before we would have."""
    new = inserted(facts, conn.close_inv - 1, SrvClose, conn=conn.name, code=code)
    new.insert(conn.close_inv + 1, TcpClosed(facts.t(conn.close_inv), conn.name))
    after = conn.close_inv + 2
    return new[:after] + [e for e in new[after:] if getattr(e, "conn", "") != conn.name]


# ---- deliveries ----------------------------------------------------------------------------------------------------


def remove_delivery(facts: Facts, rng: Random) -> Events | None:
    sites = [
        (m, c)
        for m, c in live_pairs(facts)
        if any(later.inv > m.inv and c.name in later.got for later in facts.sent[m.conn, m.group])
    ]
    site = pick(rng, sites)
    if site is None:
        return None
    left = without(facts, lambda i, e: isinstance(e, Dlv) and (e.msg, e.conn) == (site[0].name, site[1].name))
    return left if not _crowds(facts, left, site[1]) else None


def _crowds(facts: Facts, events: Events, conn: Conn) -> bool:
    """What is never read may wait for longer, and so fill a queue that is not promised to be large."""
    return bool(Facts(History(tuple(events), facts.policy, facts.history.plan)).conns[conn.name].crowded)


def double_delivery(facts: Facts, rng: Random) -> Events | None:
    site = pick(rng, live_pairs(facts))
    return site and inserted(facts, site[0].got[site[1].name], Dlv, msg=site[0].name, conn=site[1].name)


def invert_deliveries(facts: Facts, rng: Random) -> Events | None:
    pairs = live_pairs(facts)
    sites = [(a, b, c) for a, c in pairs for b, d in pairs if c is d and a.inv < b.inv < a.got[c.name]]
    sites = [(a, b, c) for a, b, c in sites if _same_way(a, b)]
    return _swapped(facts, *site) if (site := pick(rng, sites)) else None


def _same_way(a: Message, b: Message) -> bool:
    return (a.conn, a.group) == (b.conn, b.group)


def _swapped(facts: Facts, a: Message, b: Message, conn: Conn) -> Events:
    events = changed(facts, a.got[conn.name], msg=b.name)
    events[b.got[conn.name]] = msgspec.structs.replace(events[b.got[conn.name]], msg=a.name)
    return events


def disagree(facts: Facts, rng: Random) -> Events | None:
    """Two neighbours of different senders change places on one of two receivers of both."""
    pairs = live_pairs(facts)
    readers = {(m.name, c.name) for m, c in pairs}
    sites = []
    for a, c in pairs:
        for b, d in pairs:
            if c is d and a.group == b.group and a.conn != b.conn and b.inv < a.got[c.name] < b.got[c.name]:
                mates = {x for m, x in readers if m == a.name and x != c.name and (b.name, x) in readers}
                sites += [(a, b, c)] if mates else []
    return _swapped(facts, *site) if (site := pick(rng, sites)) else None


def misaddress(facts: Facts, rng: Random) -> Events | None:
    """A copy to a connection of another user."""
    sites = []
    for i, e in facts.deliveries:
        message = facts.messages[e.msg]
        there = [c for c in facts.conns.values() if c.honest and c.je < i < min(c.x, c.server_end)]
        sites += [(i, e.msg, c.name) for c in there if message.group not in c.episodes]
    site = pick(rng, sites)
    return site and inserted(facts, site[0], Dlv, msg=site[1], conn=site[2])


def read_out(facts: Facts, rng: Random) -> Events | None:
    """A message that was over comes to one who joined later."""
    sites = []
    for conn in facts.conns.values():
        for group, (stay, *_) in conn.episodes.items() if conn.honest else ():
            old = [m for m in facts.messages.values() if m.group == group and facts.replay.over_before(m, stay.begin)]
            sites += [(stay.je, m.name, conn.name) for m in old if conn.je < min(conn.x, conn.server_end)]
    site = pick(rng, sites)
    return site and inserted(facts, site[0] + 1, Dlv, msg=site[1], conn=site[2])


def damage_body(facts: Facts, rng: Random) -> Events | None:
    sites = [i for i, e in facts.deliveries if untroubled(facts.conns[facts.messages[e.msg].conn])]
    site = pick(rng, sites)
    return None if site is None else changed(facts, site, intact=False)


def unknown_id(facts: Facts, rng: Random) -> Events | None:
    site = pick(rng, facts.deliveries)
    return site and inserted(facts, site[0], Stray, conn=site[1].conn, id="hf-nobody")


def after_leaving(facts: Facts, rng: Random) -> Events | None:
    """A message of a room whose leaving had been confirmed to this connection."""
    sites = []
    for name, group, leave in facts.unsubscribed:
        conn = facts.conns[name]
        subscribed = max((s.inv for s in conn.subscriptions.get(group, ())), default=-1)
        if subscribed < leave.inv and len(conn.leaves[group]) == 1:
            later = (m for m in facts.messages.values() if m.group == group and m.inv > leave.answered)
            sites += [(m, name) for m in later if m.inv < min(conn.x, conn.server_end) and m.conn != name]
    site = pick(rng, sites)
    return site and inserted(facts, site[0].inv, Dlv, msg=site[0].name, conn=site[1])


# ---- connections ---------------------------------------------------------------------------------------------------


def close_healthy(facts: Facts, rng: Random) -> Events | None:
    sites = [c for c in closed_by_us(facts) if c.inv.role != "plan" or c.close_inv < facts.drain]
    site = pick(rng, sites)
    return site and ended_instead(facts, site, 1011)


def evict_needlessly(facts: Facts, rng: Random) -> Events | None:
    site = pick(rng, closed_by_us(facts))  # no eviction can have meant it: it has no such cause
    return site and ended_instead(facts, site, 4009)


def evict_wrong_one(facts: Facts, rng: Random) -> Events | None:
    """A younger one goes, though an older one of the user is still there afterwards (sessions are independent)."""
    sites = []
    for conn in facts.conns.values():
        others = (
            min(index for kind, index in conn.causes.items() if kind not in ("close", "evict")) if conn.honest else -1
        )
        if others == NEVER and conn.je < conn.close_inv < conn.server_end < NEVER:
            older = [c for c in facts.of_user(conn.inv.user) if c.honest and c.je < conn.open_inv]
            sites += [conn] if any(c.le > conn.close_inv + 2 for c in older) else []
    site = pick(rng, sites)
    return site and ended_instead(facts, site, 4009)


def refuse_the_first(facts: Facts, rng: Random) -> Events | None:
    """The very first connection of a user is refused because of the limit."""
    firsts = [conns[0] for conns in facts.users.values() if untroubled(conns[0]) and conns[0].inv.role == "plan"]
    site = pick(rng, [c for c in firsts if sum(d.open_inv < c.open_ok < NEVER for d in facts.of_user(c.inv.user)) < 3])
    return site and [*facts.events[: site.open_ok], OpenRej(facts.t(site.open_ok), site.name, "status", 429)]


def end_without_a_frame(facts: Facts, rng: Random) -> Events | None:
    site = pick(rng, closed_by_us(facts))
    if site is None:
        return None
    return [*facts.events[: site.server_end], SrvEof(facts.t(site.server_end), site.name),
            *facts.events[site.server_end + 1 :]]  # fmt: skip


def bad_bytes(facts: Facts, rng: Random) -> Events | None:
    site = pick(rng, closed_by_us(facts))
    return site and inserted(facts, site.je, SrvBad, conn=site.name, detail="reserved bits")


def crash(facts: Facts, rng: Random) -> Events | None:
    return inserted(facts, rng.randrange(1, len(facts.events)), ServerExit, status=-11)


def admit_impostor(facts: Facts, rng: Random) -> Events | None:
    bad = [c for c in facts.conns.values() if c.inv.token == "expired" and c.open_ok != NEVER]
    site = pick(rng, bad)
    return site and inserted(facts, site.open_ok, Joined, conn=site.name, group=f"user:{site.inv.user}")


def mistake_identity(facts: Facts, rng: Random) -> Events | None:
    users = sorted({e.user for e in facts.events if isinstance(e, OpenInv)})
    sites = [(i, e) for i, e in facts.names if facts.conns[e.conn].honest and len(users) > 1]
    site: tuple[int, Named] | None = pick(rng, sites)
    return site and changed(facts, site[0], user=rng.choice([user for user in users if user != site[1].user]))


def flood(facts: Facts, rng: Random) -> Events | None:
    site = pick(rng, closed_by_us(facts))
    return site and inserted(facts, site.je, *[Frame] * 900, conn=site.name, text="error of another")


def wrong_code(facts: Facts, rng: Random) -> Events | None:
    sites = []
    for conn in facts.conns.values():
        causes = [kind for kind, index in conn.causes.items() if index < conn.server_end]
        joined = conn.honest and conn.je < conn.x < conn.server_end < NEVER
        if joined and causes == ["fault"] and isinstance(facts.events[conn.server_end], SrvClose):
            sites += [conn.server_end] if {kind for _, _, kind in conn.faults} == {"malformed:not-json"} else []
    site = pick(rng, sites)
    return None if site is None else changed(facts, site, code=1000)
