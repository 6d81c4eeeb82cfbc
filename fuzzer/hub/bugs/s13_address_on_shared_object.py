"""S13: one path without the room/tenant filter.

To whom a message goes is kept on an object that all senders share, across a wait: who sends in the meantime redirects
it to its own group.
"""

from __future__ import annotations

import trio

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import Publish, message_frame
from fuzzer.hub.registry import Registry
from fuzzer.plan import Open

PARK = 0.004  # seconds between finding out who is meant and sending


class SharedAddress(Broadcaster):
    """Remembers one address for all."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._to: list[Peer] = []

    async def publish(self, sender: Peer, command: Publish) -> None:
        self._to = self.receivers(sender, command)
        await trio.sleep(PARK)
        await self.deliver(sender, self._to, message_frame(command))


BUG = SeededBug(
    code="S13",
    title="one path without the room/tenant filter",
    family=("HF105", "HF101"),
    reports=(
        "https://github.com/cheshire-cat-ai/core/issues/488",
        "https://github.com/socketio/socket.io/issues/2962",
        "https://github.com/LinuxForHealth/FHIR/issues/1214",
        "https://github.com/kubeshark/kubeshark/pull/449",
        "https://github.com/OliveTin/OliveTin/issues/471",
        "https://github.com/mcdonc/klangk/issues/1714",
        "https://github.com/sabha-co/sabha/pull/26",
        "https://github.com/LearningCircuit/local-deep-research/pull/4437",
    ),
    least=plan(
        step(Open("a", "u0"), Open("b", "u1")),
    ),
    pieces=Pieces(broadcaster=SharedAddress),
)
