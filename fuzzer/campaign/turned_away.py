"""Who was turned away: refused, or ended before it was a member, for no reason that the policy speaks of."""

from __future__ import annotations

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.history import CloseInv, Dlv, DropInv, Event, History, OpenInv, OpenRej, SrvClose, SrvEof, SrvRst


def turned_away(history: History) -> frozenset[str]:
    """Those connections of the plan that a hub had to let in, as far as its policy says, and did not."""
    if not _anybody_may_be(history.events):
        return frozenset()
    facts = Facts(history)
    return frozenset(name for name, conn in facts.conns.items() if conn.inv.role == "plan" and _is(facts, conn))


def entitled(event: OpenInv) -> bool:
    """An opening of the plan that nothing speaks against: with a good token, and not to be broken off."""
    return event.role == "plan" and event.token in ("valid", "brief") and event.abandon is None


def ended(conn: Conn) -> int:
    """Where the server refused or ended it; NEVER if it did not."""
    return min(conn.rejected, conn.server_end)


def excused(facts: Facts, conn: Conn, at: int) -> bool:
    """May a correct hub have refused or ended it there, whether or not it says why?"""
    odd = conn.inv.user in facts.history.plan.names  # some hubs take no such names
    if odd or not conn.honest or conn.inv.abandon is not None or conn.x <= at:
        return True
    limit, since = facts.policy.limit, facts.t(conn.open_inv)
    if limit is None:
        return False
    return len(facts.possible_others(conn, at, since)) + facts.slots.outside(at, since) >= limit.max


def _is(facts: Facts, conn: Conn) -> bool:
    at = ended(conn)
    return at < min(conn.je, conn.close_inv, conn.first_drop, NEVER) and not excused(facts, conn, at)


def _anybody_may_be(events: tuple[Event, ...]) -> bool:
    """Most plans end without: then there is no need to work out the facts once more."""
    mine = {event.conn for event in events if isinstance(event, OpenInv) and entitled(event)}
    for event in events:
        if isinstance(event, Dlv | CloseInv | DropInv):
            mine.discard(event.conn)  # it was a member, or went by itself
        elif isinstance(event, OpenRej | SrvClose | SrvEof | SrvRst) and event.conn in mine:
            return True
    return False
