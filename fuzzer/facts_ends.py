"""From when on the server has a right to end a connection: its end causes (X of SPEC 2.1, evictions of 2.6).

Every cause is dated as early as it can be: what a server may take for a reason is one, though it need not be. A
doubtful cause costs misses, never accusations.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from fuzzer.facts_backlog import Backlog
from fuzzer.facts_rate import Rate
from fuzzer.facts_records import NEVER, Conn
from fuzzer.facts_rooms import may_be_taken_out

if TYPE_CHECKING:
    from fuzzer.facts import Facts

# A hub's clock and ours agree to the second that a token's ``exp`` is counted in (RFC 7519, 2: NumericDate).
EXPIRY_GRAIN = 1.0
# Seconds by which a server's timer for the age of a connection may be early.
COARSE = 1.0


def derive_end_causes(facts: Facts) -> None:
    """Fill ``crowded``, ``causes`` and ``x`` of every connection."""
    _note_crowds(facts)
    rate = Rate(facts)
    for conn in facts.conns.values():
        conn.causes = {
            "close": conn.close_inv,
            "fault": conn.first_fault,
            "drop": conn.first_drop,
            "takeover": _taken_over(facts, conn),
            "oversize": _oversize(facts, conn),
            "form": _unwanted(facts, conn),
            "backlog": min((start for start, _ in conn.crowded), default=NEVER),
            "expiry": _expired(facts, conn),
            "idle": _idle(facts, conn),
            "lifetime": _too_old(facts, conn),
            "rate": rate.above(conn),
            "stop": _stopped(facts, conn),
            "uninvited": _uninvited(facts, conn),
        }
        conn.x = min(conn.causes.values()) if conn.honest else conn.open_inv
    limit = facts.policy.limit
    if limit is not None and limit.over != "reject":
        for _, conns in facts.slots.groups():
            _possible_evictions(facts, conns, limit.max, any_goes=limit.over == "evict-any")


def _taken_over(facts: Facts, conn: Conn) -> int:
    """A later opening with the same session has the right to replace this one."""
    if facts.policy.sessions != "takeover" or conn.inv.session is None:
        return NEVER
    heirs = [c for c in facts.of_user(conn.inv.user) if c.inv.session == conn.inv.session and c is not conn]
    return min((c.open_inv for c in heirs if _may_follow(conn, c)), default=NEVER)


def _may_follow(conn: Conn, other: Conn) -> bool:
    """Handled after ``conn``? Openings that overlap may be handled in either order."""
    return other.open_inv > conn.open_inv or other.je > conn.open_inv


def _oversize(facts: Facts, conn: Conn) -> int:
    if facts.policy.max_size is None:
        return NEVER
    mine = (m for m in facts.messages.values() if m.conn == conn.name)
    return min((m.inv for m in mine if facts.may_be_oversize(m)), default=NEVER)


def _unwanted(facts: Facts, conn: Conn) -> int:
    mine = (m for m in facts.messages.values() if m.conn == conn.name)
    return min((m.inv for m in mine if facts.passing.is_unwanted(m)), default=NEVER)


def _note_crowds(facts: Facts) -> None:
    most = facts.policy.backlog
    if most is not None:
        backlog = Backlog(facts)
        undefined = {group for _, group in facts.sent if not facts.means(group)}
        for conn in facts.conns.values():
            groups = undefined.union(*(mate.episodes for mate in facts.session_of(conn)))
            conn.crowded = backlog.crowded(conn, groups, most, [*facts.passing.controls, *facts.passing.pongs(conn)])


def _expired(facts: Facts, conn: Conn) -> int:
    return NEVER if conn.inv.expires is None else facts.index_at(conn.inv.expires - EXPIRY_GRAIN)


def _idle(facts: Facts, conn: Conn) -> int:
    """Silent for half of ``t_idle``, or half as long while one of the two stood still: the server may have seen it all.

    What we send in time may be read later than what we sent before, so that the server sees a longer silence than we
    kept; half is left for that. Pongs need not count for it.
    """
    bound = facts.policy.t_idle
    if bound is None:
        return NEVER
    still = (
        start for start, end in facts.clock.standstills if end - start >= bound / 4 and end > facts.t(conn.open_inv)
    )
    silences = (a for a, b in zip(conn.spoke, (*conn.spoke[1:], NEVER), strict=True) if _gap(facts, a, b) >= bound / 2)
    dates = [*still, *(facts.t(a) + bound / 2 for a in silences)]
    return max(facts.index_at(min(dates)), conn.open_inv) if dates else NEVER


def _too_old(facts: Facts, conn: Conn) -> int:
    """Open for nearly ``t_lifetime``, counted from before the server can have begun to count; timers may be coarse. Who
    takes a session over may inherit its age."""
    bound = facts.policy.t_lifetime
    if bound is None:
        return NEVER
    return max(facts.index_at(facts.t(facts.born(conn)) + max(bound - COARSE, bound / 2)), conn.open_inv)


def _uninvited(facts: Facts, conn: Conn) -> int:
    """It spoke to a room, or left one, that it was refused or is not in: a hub may close it for that."""
    spoken = [(m.inv, m.group) for m in facts.messages.values() if m.conn == conn.name]
    spoken += [(leave.inv, group) for group, leaves in conn.leaves.items() for leave in leaves]
    return min((at for at, group in spoken if not _may_speak(facts, conn, group, at)), default=NEVER)


def _may_speak(facts: Facts, conn: Conn, group: str, at: int) -> bool:
    """Is it in the group by what it and its session have asked (where requests overtake each other: been told)?"""
    if not facts.means(group) or (conn.name, group) in facts.refused:
        return False
    told = facts.policy.order == "none" and group.startswith("room:")
    stays = (s for s in conn.episodes.get(group, ()) if s.asked and s.begin < at <= s.end and (not told or s.je < at))
    return any(not may_be_taken_out(stay, facts.mates(conn)) for stay in stays)


def _gap(facts: Facts, start: int, end: int) -> float:
    return facts.t(end) - facts.t(start)


def _stopped(facts: Facts, conn: Conn) -> int:
    """The end of its server process; whoever opens before the next one is ready may meet neither, or either."""
    return min((max(stop, conn.open_inv) for stop, back in facts.outages if back > conn.open_inv), default=NEVER)


def _possible_evictions(facts: Facts, conns: list[Conn], limit: int, *, any_goes: bool) -> None:
    """SPEC 2.6: the first opening at which too many may be there and too few of them are surely older.

    The oldest member goes. If ``conn`` is it, none of the surely older is a member any more, so that at most
    ``there - older`` are: above the limit only if that number is. It is enough to look at openings: between
    them the number of possible members only falls. With ``evict-any`` age protects nobody. The control pair, where it
    shares the limit, is taken for younger than all, and its openings count.
    """
    for index in sorted([c.open_inv for c in conns] + [i for i, _ in facts.slots.outsiders]):
        at = facts.t(index)
        there = [c for c in conns if c.open_inv <= index and not facts.surely_released(c, at)]
        most = len(there) + facts.slots.outside(index + 1, at)
        if most <= limit:
            continue
        joined = sorted(c.je for c in there)
        for conn in there:
            if any_goes or most - bisect_left(joined, facts.born(conn)) > limit:
                conn.causes["evict"] = min(conn.causes.get("evict", NEVER), index)
                conn.x = min(conn.x, index)
