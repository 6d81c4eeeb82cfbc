"""S01: live-list skip.

The broadcast iterates the live list and awaits at each send. Who leaves in the middle shifts the list to the left, and
the next receiver is skipped.
"""

from __future__ import annotations

import trio

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.stream import PeerGone
from fuzzer.plan import Close, Open, Send

PARK = 0.004  # seconds that a send waits, as it does for a socket that is not writable at once


class LiveList(Broadcaster):
    """No copy of the list, and a wait at each send."""

    async def deliver(self, sender: Peer, receivers: list[Peer], frame: bytes) -> None:
        for peer in receivers:
            await trio.sleep(PARK)
            try:
                peer.send(frame)
            except PeerGone:
                continue


BUG = SeededBug(
    code="S01",
    title="live-list skip",
    family=("HF101", "HF102"),
    reports=(
        "https://github.com/fastapi/fastapi/pull/1991",
        "https://github.com/oboroge0/AITuberFlow/issues/99",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
        step(Send("b", "m0")),
        step(Close("a"), after="1ms"),
    ),
    pieces=Pieces(broadcaster=LiveList),
)
