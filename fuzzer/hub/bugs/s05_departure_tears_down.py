"""S05: one departure tears the group down.

When one connection of a user leaves, the whole group of the user is deleted: its siblings stay open and are deaf.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.registry import Registry
from fuzzer.plan import Close, Open, Send


class GroupDeleting(Registry):
    """Leaving deletes the list instead of the entry."""

    def remove(self, peer: Peer) -> None:
        if peer in self.members(peer.user):
            del self.users[peer.user]
        super().remove(peer)


BUG = SeededBug(
    code="S05",
    title="one departure tears the group down",
    family=("HF101", "HF301"),
    reports=(
        "https://github.com/permitio/fastapi_websocket_pubsub/pull/53",
        "https://github.com/SocketCluster/socketcluster/issues/412",
        "https://github.com/sdroege/async-tungstenite/issues/22",
        "https://github.com/encode/broadcaster/issues/133",
        "https://github.com/abourget/gevent-socketio/issues/216",
        "https://github.com/nuwave/lighthouse/issues/1796",
        "https://github.com/rauchg/node.websocket.js/issues/2",
        "https://github.com/wzr1337/rsi.server/issues/15",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
        step(Close("a")),
        step(Send("b", "m0")),
    ),
    pieces=Pieces(registry=GroupDeleting),
)
