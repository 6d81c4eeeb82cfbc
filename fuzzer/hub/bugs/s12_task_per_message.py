"""S12: task per message.

Each message is broadcast by a task of its own. Two workers take a sender's messages in turn; one is slower, and its
messages are overtaken by the other's.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import trio

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import Publish
from fuzzer.hub.registry import Registry
from fuzzer.plan import Open, Send

PAUSES = (0.004, 0.0)  # seconds: the two workers


class TaskPerMessage(Broadcaster):
    """Publishing only starts the broadcast."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._published: WeakKeyDictionary[Peer, int] = WeakKeyDictionary()

    async def publish(self, sender: Peer, command: Publish) -> None:
        number = self._published.get(sender, 0)
        self._published[sender] = number + 1
        sender.hub.nursery.start_soon(self._work, sender, command, PAUSES[number % len(PAUSES)])

    async def _work(self, sender: Peer, command: Publish, pause: float) -> None:
        if pause:
            await trio.sleep(pause)
        await super().publish(sender, command)


BUG = SeededBug(
    code="S12",
    title="task per message",
    family=("HF111",),
    reports=(
        "https://github.com/olahol/melody/issues/6",
        "https://github.com/auntiepickle/totalmix-osc-bridge/issues/32",
        "https://github.com/grafov/bcast/issues/9",
        "https://github.com/zaphoyd/websocketpp/issues/1070",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Send("a", "m0", count=2)),
    ),
    pieces=Pieces(broadcaster=TaskPerMessage),
)
