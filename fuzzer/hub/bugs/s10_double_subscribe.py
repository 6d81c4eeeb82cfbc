"""S10: duplicate on re-subscribe.

Membership of a room is a list, and joining does not look whether the connection is in it: who subscribes twice gets
everything twice.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.registry import Registry
from fuzzer.plan import Open, Send, Subscribe


class CountingSubscriptions(Registry):
    """Every subscription is an entry of its own."""

    def subscribe(self, peer: Peer, room: str) -> None:
        self.rooms.setdefault(room, []).append(peer)
        self._rooms_of.setdefault(peer, []).append(room)


BUG = SeededBug(
    code="S10",
    title="duplicate on re-subscribe",
    family=("HF103", "HF106"),
    reports=(
        "https://github.com/uNetworking/uWebSockets/issues/962",
        "https://github.com/socketio/socket.io/pull/383",
        "https://github.com/socketio/socket.io/issues/1533",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Subscribe("a", "r0")),
        step(Subscribe("a", "r0")),
        step(Send("a", "m0", room="r0")),
    ),
    pieces=Pieces(registry=CountingSubscriptions),
)
