"""A5: swallowed disconnect.

The end of a connection is taken for an error of one message: it is handled, told to the user's other connections, and
the next message is read, which ends in the same way. Nothing is ever cleaned up, and the siblings are flooded.
"""

from __future__ import annotations

import trio

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import reply_frame
from fuzzer.plan import Drop, Open

PAUSE = 0.0005  # seconds between two errors


class KeepsReading(Lifecycle):
    """Goes on as long as anybody is there to be told."""

    async def ended(self, peer: Peer) -> None:
        if peer.clean or not peer.entered:
            await super().ended(peer)
            return
        error = reply_frame("error", reason="cannot read the message")
        while siblings := self._siblings(peer):
            for sibling in siblings:
                sibling.tell(error)
            await trio.sleep(PAUSE)

    def _siblings(self, peer: Peer) -> list[Peer]:
        return [mate for mate in self.hub.registry.members(peer.user) if mate.socket.is_open]


BUG = SeededBug(
    code="A5",
    title="swallowed disconnect",
    family=("HF203", "HF401", "HF303"),
    reports=("https://github.com/netra-systems/zen",),
    least=plan(
        step(Open("a", "u0")),
        step(Drop("a")),
    ),
    pieces=Pieces(lifecycle=KeepsReading),
)
