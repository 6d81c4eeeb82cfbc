"""Did anything stand still for so long that a correct server may have given a connection up for dead?

How patient a server is nobody declares: ``t_heartbeat`` says only by when at the latest it has given up who is silent,
and ``t_idle`` from when on it may. So a standstill of a tenth of them is enough, and one of half a second always.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from fuzzer.facts_records import Conn
from fuzzer.facts_time import HealthyClock
from fuzzer.history import Control, Dlv, Event, Frame, Joined, Named, OpenOk, OpenRej, Pong, Present, Stray, UnsubOk
from fuzzer.policy import Policy

if TYPE_CHECKING:
    from fuzzer.facts import Facts

# Seconds after which a hub with a time limit of its own, on logging in say, may give us up.
ALWAYS = 0.5
SHARE = 10  # of the times after which a silent peer is given up
LEAST = 0.05  # seconds below which no lateness is written down
_BY_THE_SERVER = (Dlv, Frame, Joined, Named, OpenOk, OpenRej, Pong, Present, Stray, UnsubOk)


def was_given_up(facts: Facts, conn: Conn) -> bool:
    """Did the server end it, with no other cause, when it may have taken it for dead?

    A correct hub frees its slot then, and passes messages on to it for a moment more."""
    return conn.server_end < conn.own_cause and facts.may_be_given_up(conn, conn.server_end)


class Lateness:
    """The standstills of one history, seen from a server that waits for its peers."""

    def __init__(self, policy: Policy, clock: HealthyClock, events: Sequence[Event]) -> None:
        self._clock = clock
        self._events = events
        patience = [bound for bound in (policy.t_heartbeat, policy.t_idle) if bound is not None]
        self._waits_for_peers = bool(patience)
        self._bound = min(ALWAYS, *(max(LEAST, bound / SHARE) for bound in patience)) if patience else ALWAYS

    @property
    def patience(self) -> float:
        """Seconds after which a server that waits for its peers may give up who seems to be silent."""
        return self._bound if self._waits_for_peers else float("inf")

    def within(self, start: float, end: float) -> bool:
        """Was hubfuzz late, or the server stopped, within these seconds?

        Or did a server that waits for its peers itself get no time to run, so that it saw late what came in time?"""
        late = self._clock.worst_lag(start, end)
        if self._waits_for_peers:
            late = max(late, self._clock.slowest_round_trip(start, end), self._longest_silence(start, end))
        return late >= self._bound

    def stood_still(self, start: float, end: float) -> bool:
        """May the server, or we, have stood still for so long that a limit of its own on logging in ran out?"""
        clock = self._clock
        still = max(
            clock.worst_lag(start, end), clock.slowest_round_trip(start, end), self._longest_silence(start, end)
        )
        return still >= ALWAYS

    def _longest_silence(self, start: float, end: float) -> float:
        """The longest stretch in which nothing came that only a server that runs can send."""
        signs = (t for t in self._signs if start < t < end)
        return max(b - a for a, b in pairwise([start, *signs, end]))

    @cached_property
    def _signs(self) -> list[float]:
        events = self._events
        return [e.t for e in events if isinstance(e, _BY_THE_SERVER) or (isinstance(e, Control) and e.ok)]
