"""S04: sender is blamed.

The exception of a dead receiver's socket is not handled where it belongs: it ends the handler of the sender, who is
closed. ``leave_delay`` holds the window open between the end and the unregistering.
"""

from __future__ import annotations

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.plan import Drop, Open, Send


class UnguardedBroadcast(Broadcaster):
    """``PeerGone`` of a receiver is taken for that of the sender."""

    async def deliver(self, sender: Peer, receivers: list[Peer], frame: bytes) -> None:
        for peer in tuple(receivers):
            peer.send(frame)


BUG = SeededBug(
    code="S04",
    title="sender is blamed",
    family=("HF301", "HF101"),
    reports=(
        "https://github.com/python-websockets/websockets/issues/661",
        "https://github.com/miguelgrinberg/flask-sock/issues/12",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
        step(Drop("a")),
        step(Send("b", "m0"), after="1ms"),
    ),
    pieces=Pieces(broadcaster=UnguardedBroadcast),
    knobs=Knobs(leave_delay=0.02),
)
