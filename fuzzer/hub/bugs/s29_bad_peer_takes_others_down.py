"""S29: one bad peer takes others down.

A frame that cannot be parsed is treated as an error of the whole group: the connections of the same user are closed
together with the offender.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.plan import Malformed, Open


class CollectivePunishment(Lifecycle):
    """Closes the siblings too."""

    def offended(self, peer: Peer, code: int, reason: str) -> None:
        for sibling in tuple(self.hub.registry.members(peer.user)):
            sibling.close(code, reason)
        super().offended(peer, code, reason)


BUG = SeededBug(
    code="S29",
    title="one bad peer takes others down",
    family=("HF301", "HF101"),
    reports=(
        "https://github.com/screensy/screensy/issues/15",
        "https://github.com/websockets/ws/issues/1269",
        "https://github.com/uNetworking/uWebSockets/issues/1546",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
        step(Malformed("a")),
    ),
    pieces=Pieces(lifecycle=CollectivePunishment),
)
