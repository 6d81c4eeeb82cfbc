"""S39: refused upgrade leaks.

The socket of a handshake that was refused is remembered and never closed.
"""

from __future__ import annotations

import os

from trio_websocket import WebSocketRequest

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Hub, Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.hub.stream import Wire
from fuzzer.plan import Open


class Duplicable(Wire):
    """A wire whose socket can be held on to."""

    def duplicate(self) -> int:
        """One more descriptor of the same connection."""
        return os.dup(self._sock.fileno())


class KeepsRefused(Lifecycle):
    """Holds on to a descriptor of every refused connection."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._kept: list[int] = []

    async def reject(self, peer: Peer, request: WebSocketRequest, status: int, reason: str) -> None:
        assert isinstance(peer.wire, Duplicable)
        self._kept.append(peer.wire.duplicate())
        await super().reject(peer, request, status, reason)


BUG = SeededBug(
    code="S39",
    title="refused upgrade leaks",
    family=("HF402",),
    reports=(
        "https://github.com/nodetool-ai/nodetool/pull/4673",
        "https://github.com/ueberdosis/hocuspocus/issues/1156",
        "https://github.com/containerd/containerd/issues/10568",
    ),
    least=plan(
        step(Open("a", "u0", token="expired")),
        cycles=12,
    ),
    pieces=Pieces(wire=Duplicable, lifecycle=KeepsRefused),
    knobs=Knobs(limit=1),
)
