"""S03: dead peer aborts the rest.

Errors are handled around the loop of the broadcast and not in it: a receiver that is dead, and not yet unregistered,
costs all those after it the message. ``leave_delay`` holds the window open between the end and the unregistering.
"""

from __future__ import annotations

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.hub.stream import PeerGone
from fuzzer.plan import Drop, Open, Send


class AbortingBroadcast(Broadcaster):
    """One handler for the whole loop."""

    async def deliver(self, sender: Peer, receivers: list[Peer], frame: bytes) -> None:
        try:
            for peer in tuple(receivers):
                peer.send(frame)
        except PeerGone:
            return


BUG = SeededBug(
    code="S03",
    title="dead peer aborts the rest",
    family=("HF101", "HF102"),
    reports=(
        "https://github.com/workfloworchestrator/orchestrator-core/issues/1903",
        "https://github.com/gotify/server/pull/1035",
        "https://github.com/python-websockets/websockets/issues/1319",
        "https://github.com/yesodweb/wai/issues/271",
        "https://github.com/dovedalerailway/dovedale-map/pull/44",
        "https://github.com/isapir/lucee-websocket/issues/11",
        "https://github.com/fastapi/fastapi/issues/2370",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
        step(Drop("a")),
        step(Send("b", "m0"), after="1ms"),
    ),
    pieces=Pieces(broadcaster=AbortingBroadcast),
    knobs=Knobs(leave_delay=0.02),
)
