"""S18: drop during the handshake.

The slot is taken before authentication is awaited, and only the end of an established connection gives it back: a peer
that leaves before the upgrade is granted keeps its slot for ever. For the same reason whoever takes over the session
of a peer that is still being authenticated is given its slot, while that peer comes in as well: one above the limit.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.plan import Open


class EarlySlot(Lifecycle):
    """Takes early, gives back only what was established."""

    async def admitted(self, peer: Peer) -> bool:
        claimed = self.claim(peer)
        await self.hub.authenticator.confirm(peer)
        return claimed

    async def ended(self, peer: Peer) -> None:
        if peer.entered:
            await super().ended(peer)
        else:
            self.hub.sessions.forget(peer)


BUG = SeededBug(
    code="S18",
    title="drop during the handshake",
    family=("HF203", "HF202", "HF201"),
    reports=(
        "https://github.com/SignalK/signalk-server/issues/2781",
        "https://github.com/calzoneman/sync/issues/724",
        "https://github.com/theturtle32/WebSocket-Node/issues/167",
        "https://github.com/jupyter-server/jupyter_server/pull/1628",
        "https://github.com/socketio/socket.io/issues/4129",
        "https://github.com/mrniko/netty-socketio/issues/990",
        "https://github.com/jupyter-server/jupyter_server/pull/1619",
        "https://github.com/zauberzeug/nicegui/issues/5595",
    ),
    least=plan(
        step(Open("a", "u0", abandon="before-101")),
    ),
    pieces=Pieces(lifecycle=EarlySlot),
    knobs=Knobs(limit=1, auth_delay=0.005),
)
