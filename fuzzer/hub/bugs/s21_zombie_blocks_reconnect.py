"""S21: own zombie blocks the reconnect.

The limit is checked before the session is taken over: at the limit, a session cannot come back, because its own
predecessor holds the slot.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.plan import Open


class SlotBeforeSession(Lifecycle):
    """The right two steps in the wrong order."""

    def claim(self, peer: Peer) -> bool:
        if not self.hub.admission.admit(peer):
            return False
        self.hub.sessions.take_over(peer)
        return True


BUG = SeededBug(
    code="S21",
    title="own zombie blocks the reconnect",
    family=("HF404", "HF202"),
    reports=(
        "https://github.com/citrineos/citrineos/issues/190",
        "https://github.com/webrtc/apprtc/issues/526",
    ),
    least=plan(
        step(Open("a", "u0", session="s0")),
        step(Open("b", "u0", session="s0")),
    ),
    pieces=Pieces(lifecycle=SlotBeforeSession),
    knobs=Knobs(limit=1),
)
