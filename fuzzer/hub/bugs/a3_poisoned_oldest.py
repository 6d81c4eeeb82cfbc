"""A3: poisoned oldest.

A connection that has ended without a Close frame stays on the list as its user's oldest. It is in a state from which it
cannot be evicted, and is never taken off: every later connection comes in without anybody going.
"""

from __future__ import annotations

from fuzzer.hub.admission import Admission
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.plan import Drop, Open


class FailedStaysOldest(Admission):
    """Evicts only what is still registered, and lets the newcomer in whatever comes of it."""

    def admit(self, peer: Peer) -> bool:
        self._make_room(peer.user)
        self.take(peer)
        return True

    def _make_room(self, user: str) -> None:
        if not self.has_room(user):
            self.evict(self.holders[self.whose(user)][0])

    def evict(self, oldest: Peer) -> None:
        if oldest in oldest.hub.registry.members(oldest.user):
            super().evict(oldest)

    def release(self, peer: Peer) -> None:
        if peer.clean or not peer.entered:
            super().release(peer)


BUG = SeededBug(
    code="A3",
    title="poisoned oldest",
    family=("HF201", "HF401"),
    reports=("https://github.com/netra-systems/zen",),
    least=plan(
        step(Open("a", "u0")),
        step(Drop("a")),
    ),
    pieces=Pieces(admission=FailedStaysOldest),
    knobs=Knobs(over="evict-oldest", limit=1),
)
