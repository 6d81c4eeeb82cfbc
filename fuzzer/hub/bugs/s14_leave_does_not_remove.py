"""S14: leave does not remove.

Leaving a room takes it off the connection's list of rooms and not the connection off the room's list: messages go on
arriving, and the room keeps the connection when it is long gone.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.registry import Registry
from fuzzer.plan import Open, Subscribe, Unsubscribe


class ForgetsOneIndex(Registry):
    """Two indices, one of them cleaned."""

    def unsubscribe(self, peer: Peer, room: str) -> None:
        if self.is_subscribed(peer, room):
            self._rooms_of[peer].remove(room)


BUG = SeededBug(
    code="S14",
    title="leave does not remove",
    family=("HF106", "HF401", "HF103"),
    reports=(
        "https://github.com/MassTransit/MassTransit/issues/1588",
        "https://github.com/dotnet-architecture/eShopOnContainers/issues/778",
        "https://github.com/willowtreeapps/wombats-api/pull/226",
        "https://github.com/uNetworking/uWebSockets.js/issues/857",
        "https://github.com/pathosDev/actor-ts/issues/986",
        "https://github.com/SocketCluster/sc-stateless-presence/issues/4",
        "https://github.com/WuKongIM/WuKongIM/pull/922",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Subscribe("a", "r0")),
        step(Unsubscribe("a", "r0")),
    ),
    pieces=Pieces(registry=ForgetsOneIndex),
)
