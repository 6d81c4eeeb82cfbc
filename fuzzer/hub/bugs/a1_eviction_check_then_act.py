"""A1: eviction check-then-act.

Whether somebody must go is decided, then authentication is awaited, then the slot is taken: all who come within the
wait find room, nobody is evicted, and the user is above the limit.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.plan import Open


class DecidesTooEarly(Lifecycle):
    """The decision is old when it is acted upon."""

    async def admitted(self, peer: Peer) -> bool:
        self.hub.sessions.take_over(peer)
        free = self.hub.admission.has_room(peer.user)
        await self.hub.authenticator.confirm(peer)
        if peer.wire.peer_left:
            return False
        if not free:
            return self.hub.admission.admit(peer)
        self.hub.admission.take(peer)
        return True


BUG = SeededBug(
    code="A1",
    title="eviction check-then-act",
    family=("HF201",),
    reports=("https://github.com/netra-systems/zen",),
    least=plan(
        step(Open("a", "u0"), Open("b", "u0")),
    ),
    pieces=Pieces(lifecycle=DecidesTooEarly),
    knobs=Knobs(over="evict-oldest", limit=1, auth_delay=0.005),
)
