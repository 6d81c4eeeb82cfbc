"""S36: token checked only at connect.

Nothing ends a connection when its token does: it goes on receiving and sending.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.expiry import Expiry
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.plan import Open, Send


class NeverLooksAgain(Expiry):
    """Watches nobody."""

    def watch(self, peer: Peer) -> None:
        return


BUG = SeededBug(
    code="S36",
    title="token checked only at connect",
    family=("HF106", "HF601"),
    reports=(
        "https://github.com/home-assistant/core/issues/56760",
        "https://github.com/mcdonc/klangk/issues/3152",
    ),
    least=plan(
        step(Open("a", "u0", token="brief")),
        step(Send("a", "m0"), wait=3.3),
    ),
    pieces=Pieces(expiry=NeverLooksAgain),
)
