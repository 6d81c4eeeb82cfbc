"""S07: ack before registration.

The newcomer is welcomed first and registered after a wait: what is sent in between does not reach it.
"""

from __future__ import annotations

import trio
from trio_websocket import WebSocketRequest

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import reply_frame
from fuzzer.plan import Open


class WelcomesFirst(Lifecycle):
    """Says so before it is so."""

    async def enter(self, peer: Peer, request: WebSocketRequest) -> None:
        await request.accept()
        peer.established()
        peer.tell(reply_frame("welcome", user=peer.user))
        self.hub.nursery.start_soon(self._register, peer)

    async def _register(self, peer: Peer) -> None:
        await trio.sleep(self.hub.knobs.join_delay)
        if peer.socket.is_open:
            self.join(peer)


BUG = SeededBug(
    code="S07",
    title="ack before registration",
    family=("HF101",),
    reports=(
        "https://github.com/kdlbs/kandev/issues/2287",
        "https://github.com/uNetworking/uWebSockets/issues/1673",
        "https://github.com/rse/hapi-plugin-websocket/issues/20",
        "https://github.com/enisdenjo/graphql-ws/issues/501",
        "https://github.com/vjt/grappa-irc/issues/1593",
    ),
    least=plan(
        step(Open("a", "u0")),
    ),
    pieces=Pieces(lifecycle=WelcomesFirst),
    knobs=Knobs(join_delay=0.005),
)
