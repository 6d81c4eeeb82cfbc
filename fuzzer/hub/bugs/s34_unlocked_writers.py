"""S34: unlocked concurrent writers.

A frame is written in two steps, its head and its payload, and others write to the same socket in between.
"""

from __future__ import annotations

import trio

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.stream import PeerGone
from fuzzer.plan import Open

HEAD = 2  # bytes, the least that a frame's head has
PARK = 0.004  # seconds between the two steps, as for a socket that is not writable at once


class TwoSteps(Broadcaster):
    """First every head, then every payload."""

    async def deliver(self, sender: Peer, receivers: list[Peer], frame: bytes) -> None:
        meant = [peer for peer in receivers if peer.socket.is_open]
        self._write(meant, frame[:HEAD])
        await trio.sleep(PARK)
        self._write(meant, frame[HEAD:])

    def _write(self, peers: list[Peer], data: bytes) -> None:
        for peer in peers:
            try:
                peer.wire.write(data)
            except PeerGone:
                continue


BUG = SeededBug(
    code="S34",
    title="unlocked concurrent writers",
    family=("HF701", "HF104", "HF101"),
    reports=(
        "https://github.com/cih1996/ai-hub/issues/40",
        "https://github.com/CrowCpp/Crow/pull/1160",
        "https://github.com/timmo001/system-bridge/issues/3431",
        "https://github.com/jech/galene/issues/275",
        "https://github.com/nats-io/nats-server/pull/4811",
        "https://github.com/paullouisageneau/libdatachannel/issues/664",
    ),
    least=plan(
        step(Open("a", "u0")),
    ),
    pieces=Pieces(broadcaster=TwoSteps),
)
