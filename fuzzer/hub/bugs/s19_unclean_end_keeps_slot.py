"""S19: unclean end keeps the slot.

The slot is given back on the path of a clean close only: who is reset, or ends with a bare FIN, keeps it for ever.
"""

from __future__ import annotations

from fuzzer.hub.admission import Admission
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.plan import Drop, Open


class CleanRelease(Admission):
    """Gives back only what ended with a Close frame."""

    def release(self, peer: Peer) -> None:
        if peer.clean:
            super().release(peer)


BUG = SeededBug(
    code="S19",
    title="unclean end keeps the slot",
    family=("HF203", "HF202"),
    reports=(
        "https://github.com/besu-eth/besu/issues/11225",
        "https://github.com/sockudo/sockudo/issues/51",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Drop("a")),
    ),
    pieces=Pieces(admission=CleanRelease),
    knobs=Knobs(limit=1),
)
