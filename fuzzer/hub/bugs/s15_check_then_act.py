"""S15: limit check-then-act.

The count is checked, then authentication is awaited, then the slot is taken: all who come within the wait see the same
free slot.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.plan import Open


class CheckThenAct(Lifecycle):
    """An await stands between the check and the act."""

    async def admitted(self, peer: Peer) -> bool:
        self.hub.sessions.take_over(peer)
        free = self.hub.admission.has_room(peer.user)
        await self.hub.authenticator.confirm(peer)
        if free and not peer.wire.peer_left:
            self.hub.admission.take(peer)
        return free


BUG = SeededBug(
    code="S15",
    title="limit check-then-act",
    family=("HF201",),
    reports=(
        "https://github.com/colyseus/colyseus/issues/678",
        "https://github.com/eclipse-mosquitto/mosquitto/issues/3455",
        "https://github.com/h2o/h2o/pull/2531",
        "https://github.com/Scdouglas1999/Paracord/pull/22",
        "https://github.com/NeoLabs-Systems/NeoAgent/issues/36",
    ),
    least=plan(
        step(Open("a", "u0"), Open("b", "u0")),
    ),
    pieces=Pieces(lifecycle=CheckThenAct),
    knobs=Knobs(limit=1, auth_delay=0.005),
)
