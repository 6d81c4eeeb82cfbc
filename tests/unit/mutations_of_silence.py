"""Wrong steps after which nothing more comes, answers that overtake, and ends that harm the next in line.

A silence is long: nothing stood still in these histories, and the control pair is answered all the while.
"""

from __future__ import annotations

from random import Random

from mutations import Events, ended_instead, live_pairs, pick, untroubled, without

from fuzzer.facts import NEVER, Conn, Facts, Message
from fuzzer.history import Control, Dlv, DropInv, FaultInv, OpenRej, Quiet, SendInv, SendOk

SECONDS = 4.0
ENOUGH_TO_BLOCK = 40_000  # characters
MARGIN = 0.6


def hushed(facts: Facts, upto: int, *extra: object) -> Events:
    """The history up to there, the extra events, and then a failed fence while others are answered."""
    now = facts.t(upto)
    last = [Control(round(now + n * 0.1, 6), True, round(now + n * 0.1 - 0.01, 6)) for n in range(1, 40)]
    return [*facts.events[: upto + 1], *extra, *last, Quiet(now + SECONDS, False)]


def fall_silent(facts: Facts, rng: Random) -> Events | None:
    """From the first reading of a message on nobody reads anything, though the control pair is answered."""
    sites = [m for m, _ in _unfinished(facts)]
    site = pick(rng, sites)
    return site and hushed(facts, min(site.got.values()) - 1)


def _unfinished(facts: Facts) -> list[tuple[Message, Conn]]:
    """(m, c): owed by everybody's good behaviour up to the reading of m on c."""
    if not all(untroubled(c) for c in facts.conns.values() if c.open_inv < facts.drain):
        return []
    pairs = ((m, c) for m, c in live_pairs(facts) if m.ok < min(m.got.values()))
    return [(m, c) for m, c in pairs if m.got[c.name] < min(c.close_inv, facts.conns[m.conn].close_inv)]


def block_behind_the_deaf(facts: Facts, rng: Random) -> Events | None:
    """A third connection stops reading, much is sent, and the hub waits for it; also the fence that follows."""
    sites = []
    for message, conn in _unfinished(facts):
        at = message.got[conn.name]
        there = [c for c in facts.conns.values() if c.je < at < min(c.close_inv, c.server_end)]
        deaf = [c for c in there if message.group in c.episodes and c.name not in (conn.name, message.conn)]
        sites += [(message, at, c) for c in deaf]
    site = pick(rng, sites)
    if site is None:
        return None
    message, at, deaf = site
    now = facts.t(at)
    sent = SendInv(now, "big", message.conn, message.group, ENOUGH_TO_BLOCK)
    fence = SendInv(now, "~later", message.conn, message.group, fence=True)
    stalled = FaultInv(now, deaf.name, "stall")
    return hushed(facts, at, stalled, sent, SendOk(now, "big"), fence, SendOk(now, "~later"))


def stop_half_way(facts: Facts, rng: Random) -> Events | None:
    """The sender drops when the first has read its message, and the hub forgets the others."""
    sites = []
    for message, conn in _unfinished(facts):
        first = min(message.got.values())
        if first < min(message.got[conn.name], facts.drain) and conn.name != message.conn:
            sites.append((message, first))
    site = pick(rng, sites)
    return site and hushed(facts, site[1], DropInv(facts.t(site[1]), site[0].conn, "reset"))


def answer_before_the_question(facts: Facts, rng: Random) -> Events | None:
    """What somebody sent after reading a message is read before it by a third."""
    pairs = live_pairs(facts)
    sites = []
    for a, c in pairs:
        for b, d in pairs:
            known = c is d and a.group == b.group and a.conn not in (b.conn, c.name) and b.conn != c.name
            if known and a.got.get(b.conn, NEVER) < b.inv and a.got[c.name] < b.got[c.name]:
                sites.append((a, b, c))
    site = pick(rng, sites)
    return _moved_behind(facts, *site) if site else None


def _moved_behind(facts: Facts, a: Message, b: Message, conn: Conn) -> Events:
    at = b.got[conn.name]
    kept = without(facts, lambda i, e: i == a.got[conn.name])  # the index of b's reading is one less now
    return [*kept[:at], Dlv(facts.t(at), a.name, conn.name), *kept[at:]]


def hush_the_canary(facts: Facts, rng: Random) -> Events | None:
    """Nobody is delivered anything after the plan."""
    start = next((i for i, name in facts.phases if name == "canary"), NEVER)
    canaries = [c for c in facts.conns.values() if c.inv.role == "canary" and c.open_ok < c.server_end]
    heard = [i for i, e in facts.deliveries if i > start and e.conn in {c.name for c in canaries}]
    return hushed(facts, heard[0] - 1) if heard else None


def harm_the_heir(facts: Facts, rng: Random) -> Events | None:
    """The end of the old connection of a session closes the one that took it over."""
    sites = []
    for conn in facts.conns.values():
        if conn.inv.session is not None and untroubled(conn) and conn.je < conn.close_inv < conn.server_end < NEVER:
            same = (c for c in facts.of_user(conn.inv.user) if c.inv.session == conn.inv.session and c is not conn)
            olds = [c for c in same if c.je < conn.open_inv and min(c.close_inv, c.server_end) < conn.close_inv]
            sites += [conn] if olds and conn.close_inv < facts.drain else []
    site = pick(rng, sites)
    return site and ended_instead(facts, site, 1011)


def refuse_a_slot(facts: Facts, rng: Random) -> Events | None:
    """The first slot of a user whose connections had all closed in good order long before is refused."""
    bound = facts.policy.t_release + MARGIN
    sites = []
    for conn in (c for c in facts.conns.values() if c.inv.role == "slot" and c.open_ok != NEVER):
        before = [c for c in facts.of_user(conn.inv.user) if c.open_inv < conn.open_inv]
        if all(facts.t(c.close_ok) < facts.t(conn.open_inv) - bound for c in before):
            sites.append(conn)
    site = pick(rng, sites)
    return site and [*facts.events[: site.open_ok], OpenRej(facts.t(site.open_ok), site.name, "status", 429)]
