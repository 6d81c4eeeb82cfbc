"""When a connection surely holds nothing any more, neither slot nor place on a list (REL of SPEC 2.1)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from fuzzer.facts_progress import unseen
from fuzzer.facts_records import NEVER, Conn
from fuzzer.history import OpenRej

if TYPE_CHECKING:
    from fuzzer.facts import Facts

End = tuple[int, float]  # the event, and the healthy seconds that may pass after it


class Release:
    """The ends of the connections of one history, and the bounds within which a hub has to let go."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def surely(self, conn: Conn, at: float, since: float) -> bool:
        """Has it surely held nothing at ``at`` for ``since`` seconds?"""
        return self._let_go(conn, at, since) and all(
            self._let_go(conn, self._facts.t(stop), 0.0) or self._past(self._lease(back), at, since)
            for stop, back in self._killed
            if self._began(conn) < back and self._facts.t(stop) <= at
        )

    def left_behind(self, since: float, at: float) -> bool:
        """May a killed process still keep at ``at`` what had been let go at ``since``, and was not yet free then?"""
        return any(
            since <= self._facts.t(stop) <= at
            and self._facts.healthy(since, self._facts.t(stop)) < self._either_bound
            and not self._past(self._lease(back), at, 0.0)
            for stop, back in self._killed
        )

    def kept(self, upto: int, at: float) -> list[int]:
        """The ends, before the event ``upto``, of killed processes that may still keep at ``at`` what they had held."""
        return [stop for stop, back in self._killed if stop < upto and not self._past(self._lease(back), at, 0.0)]

    def _let_go(self, conn: Conn, at: float, since: float) -> bool:
        """Had a hub that lives the time that it may take, or was its process over?"""
        return any(self._past(end, at, since) for end in (self._own_end(conn), self._end_of_process(conn)))

    def _past(self, end: End, at: float, since: float) -> bool:
        index, bound = end
        start = self._facts.t(index) if index != NEVER else float("inf")
        return start <= at and self._facts.healthy(start, at) >= bound + since

    # ---- the process ---------------------------------------------------------------------------------------------

    @cached_property
    def _killed(self) -> list[tuple[int, int]]:
        """The ends of processes that a signal may have ended, ours or SIGTERM itself: they could release nothing any
        more. Where a wrapper (a shell, npm) leads, its status tells of that by 143, say, or by any but 0.

        What they held in a store stays there, whatever the client reads when its socket ends, until a lease is over."""
        facts = self._facts
        by_signal = [i for i, e in facts.stops if e.status != 0]
        return [(stop, back) for stop, back in facts.outages if any(stop < i < back for i in by_signal)]

    def _lease(self, back: int) -> End:
        beat = self._facts.policy.t_heartbeat
        return (NEVER, 0.0) if beat is None else (back, max(self._either_bound, beat))

    @staticmethod
    def _began(conn: Conn) -> int:
        """Its process is one that ends later: told to end, it may still have taken this one on."""
        return conn.open_ok if conn.open_ok != NEVER else conn.open_inv

    def _end_of_process(self, conn: Conn) -> End:
        """A new server process knows nothing of what was open in the old one, unless it was kept elsewhere."""
        backs = (back for stop, back in self._facts.outages if conn.open_ok < stop)
        return min(backs, default=NEVER), self._either_bound

    @property
    def _either_bound(self) -> float:
        return max(self._facts.policy.t_detect, self._facts.policy.t_release)

    # ---- the connection ------------------------------------------------------------------------------------------

    def _own_end(self, conn: Conn) -> End:
        facts = self._facts
        held = facts.held_up[conn.name]
        work = facts.policy.deadline if unseen(facts, conn) or held >= 0 else 0.0  # nothing shows when it is through
        release, detect = facts.policy.t_release + work, self._either_bound + work
        heard = facts.heard.get(conn.name, -1)  # a hub comes to an end behind what that connection had sent
        heard = max(heard, held) if facts.policy.slow_consumer == "lossless" else heard
        if conn.close_ok != NEVER:
            return max(conn.close_ok, heard), release  # which a layer below may have answered long before
        if conn.inv.abandon == "after-101":  # its drop is written down before the 101 comes, and happens only then
            return min(conn.open_ok, conn.rejected), detect
        if conn.let_go != NEVER:
            return max(conn.let_go, heard), facts.policy.t_detect + work
        if conn.rejected != NEVER:
            return conn.rejected, release if self._server_refused(conn) else detect
        if conn.server_end != NEVER:
            return max(conn.tcp_closed, heard), release
        return NEVER, 0.0

    def _server_refused(self, conn: Conn) -> bool:
        """Did the server end the handshake? Otherwise it was we, and the server must notice that first."""
        event = self._facts.events[conn.rejected]
        return isinstance(event, OpenRej) and event.by not in ("timeout", "invalid")
