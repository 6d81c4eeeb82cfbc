"""S09: parked consumer.

The connections of a user are consumers of one queue, each in its turn. The consumer of a connection that has left is
not cancelled: what it takes it cannot deliver, so it puts it back, behind what came later.
"""

from __future__ import annotations

from collections import deque

import trio

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import Publish
from fuzzer.hub.registry import Registry
from fuzzer.plan import Close, Open, Send

PARK = 0.004  # seconds until what was put back is taken again


class ConsumersInTurns(Broadcaster):
    """Whose turn it is publishes for all; nobody is ever taken off the list."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._consumers: dict[str, deque[Peer]] = {}

    async def publish(self, sender: Peer, command: Publish) -> None:
        members = self.registry.members(sender.user)
        consumers = self._consumers.setdefault(sender.user, deque())
        consumers.extend(peer for peer in members if peer not in consumers)
        consumers.rotate(-1)
        if consumers and consumers[-1] not in members:
            sender.hub.nursery.start_soon(self._put_back, sender, command)
        else:
            await super().publish(sender, command)

    async def _put_back(self, sender: Peer, command: Publish) -> None:
        await trio.sleep(PARK)
        await super().publish(sender, command)


BUG = SeededBug(
    code="S09",
    title="parked consumer",
    family=("HF111",),
    reports=(
        "https://github.com/endolith/open-interpreter/pull/349",
        "https://github.com/django/channels/issues/1683",
        "https://github.com/cheshire-cat-ai/core/issues/488",
        "https://github.com/python-websockets/websockets/issues/166",
        "https://github.com/VILLASframework/node/issues/70",
        "https://github.com/vibe-d/vibe.d/issues/407",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Close("a")),
        step(Open("b", "u0")),
        step(Send("b", "m0", count=3)),
    ),
    pieces=Pieces(broadcaster=ConsumersInTurns),
)
