"""S26: join completes after the disconnect.

Whether the connection is still there is asked before the wait, and it is registered after it: who leaves in between
becomes a member when it is gone, and stays one.
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


class JoinsLater(Lifecycle):
    """The join is a task of its own, which nothing cancels."""

    async def enter(self, peer: Peer, request: WebSocketRequest) -> None:
        await request.accept()
        peer.established()
        if peer.socket.is_open:
            self.hub.nursery.start_soon(self._join_later, peer)

    async def _join_later(self, peer: Peer) -> None:
        await trio.sleep(self.hub.knobs.join_delay)
        self.join(peer)
        peer.tell(reply_frame("welcome", user=peer.user))


BUG = SeededBug(
    code="S26",
    title="join completes after the disconnect",
    family=("HF401", "HF405"),
    reports=(
        "https://github.com/socketio/socket.io/issues/4380",
        "https://github.com/litestar-org/litestar/issues/4871",
        "https://github.com/RocketChat/Rocket.Chat/issues/11293",
        "https://github.com/dotnet/aspnetcore/issues/38531",
        "https://github.com/phoenixframework/phoenix/issues/2255",
        "https://github.com/soketi/soketi/issues/735",
    ),
    least=plan(
        step(Open("a", "u0", abandon="after-101")),
        step(Open("b", "u0")),
    ),
    pieces=Pieces(lifecycle=JoinsLater),
    knobs=Knobs(join_delay=0.005),
)
