"""S25: late clean-up hits the successor.

The timer of the grace period is not cancelled when the session comes back: it runs out, and unregisters whoever has
the session then.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.hub.presence import Presence
from fuzzer.plan import Drop, Open, Send


class ExpiresTheSession(Presence):
    """Cleans up after the session and not after the connection."""

    def expired(self, peer: Peer) -> None:
        super().expired(peer)
        registry = peer.hub.registry
        for other in tuple(registry.members(peer.user)):
            if other.session == peer.session:
                registry.remove(other)


BUG = SeededBug(
    code="S25",
    title="late clean-up hits the successor",
    family=("HF404", "HF101"),
    reports=(
        "https://github.com/BlocUnited-LLC/mozaiks/pull/583",
        "https://github.com/zauberzeug/nicegui/issues/4253",
        "https://github.com/ueberdosis/hocuspocus/pull/893",
        "https://github.com/colyseus/colyseus/issues/962",
    ),
    least=plan(
        step(Open("a", "u0", session="s0")),
        step(Drop("a")),
        step(Open("b", "u0", session="s0")),
        step(Send("b", "m0"), wait=0.06),
    ),
    pieces=Pieces(presence=ExpiresTheSession),
    knobs=Knobs(grace=0.02),
)
