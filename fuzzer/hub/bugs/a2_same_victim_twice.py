"""A2: same victim twice.

Who must go is chosen, then something is awaited, then the chosen one is evicted and the slot taken: two that come at
once choose the same victim, the second evicts nobody, and both come in.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.plan import Open


class ChoosesTooEarly(Lifecycle):
    """Asks for room before the wait, and never again."""

    async def admitted(self, peer: Peer) -> bool:
        self.hub.sessions.take_over(peer)
        admission = self.hub.admission
        victim = None if admission.has_room(peer.user) else admission.holders[admission.whose(peer.user)][0]
        await self.hub.authenticator.confirm(peer)
        if peer.wire.peer_left:
            return False
        if victim is None:
            return admission.admit(peer)
        admission.evict(victim)
        admission.take(peer)
        return True


BUG = SeededBug(
    code="A2",
    title="same victim twice",
    family=("HF201",),
    reports=("https://github.com/netra-systems/zen",),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0"), Open("c", "u0")),
    ),
    pieces=Pieces(lifecycle=ChoosesTooEarly),
    knobs=Knobs(over="evict-oldest", limit=1, auth_delay=0.005),
)
