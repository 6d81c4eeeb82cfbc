"""S22: reservation and client both counted.

While a connection is being let in, its reservation counts, and it counts itself as well: two legal openings at once,
and one is refused.
"""

from __future__ import annotations

from fuzzer.hub.admission import Admission
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.plan import Open


class ReservationsCount(Admission):
    """Who is not in yet counts twice."""

    def used(self, user: str) -> int:
        holders = self.holders.get(self.whose(user), ())
        return len(holders) + sum(peer not in peer.hub.registry.members(peer.user) for peer in holders)


BUG = SeededBug(
    code="S22",
    title="reservation and client both counted",
    family=("HF202", "HF501"),
    reports=("https://github.com/colyseus/colyseus/issues/726",),
    least=plan(
        step(Open("a", "u0"), Open("b", "u0")),
    ),
    pieces=Pieces(admission=ReservationsCount),
    knobs=Knobs(limit=2, join_delay=0.005),
)
