"""S33: eviction deadlock.

The broadcast holds its group's lock, and evicting a reader that is too slow wants the same lock: the group is dead from
then on, and so is every handler that broadcasts to it.
"""

from __future__ import annotations

from collections import defaultdict

import trio

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.hub.registry import Registry
from fuzzer.hub.stream import PeerGone
from fuzzer.plan import Open, Send


class LockedBroadcast(Broadcaster):
    """One lock for each user's group, which does not know who holds it."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._locks: defaultdict[str, trio.Semaphore] = defaultdict(lambda: trio.Semaphore(1))

    async def deliver(self, sender: Peer, receivers: list[Peer], frame: bytes) -> None:
        async with self._locks[sender.user]:
            for peer in tuple(receivers):
                await self._send(peer, frame)

    async def _send(self, peer: Peer, frame: bytes) -> None:
        if not peer.socket.is_open:
            return
        try:
            peer.wire.write(frame)
        except PeerGone:
            return
        if peer.wire.overflowed:
            async with self._locks[peer.user]:
                peer.wire.drop_backlog()
                peer.close(1013, "too slow")


BUG = SeededBug(
    code="S33",
    title="eviction deadlock",
    family=("HF302", "HF101", "HF501", "HF401", "HF203", "HF504"),
    reports=(
        "https://github.com/mattermost/mattermost/pull/13799",
        "https://github.com/superplanehq/superplane/issues/6427",
        "https://github.com/gofiber/recipes/pull/112",
        "https://github.com/enclavr/server/issues/28",
        "https://github.com/litestar-org/litestar/issues/5011",
        "https://github.com/kubestellar/console/pull/2486",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Send("a", "m0", size=65_536, count=8)),
    ),
    pieces=Pieces(broadcaster=LockedBroadcast),
    knobs=Knobs(backlog=128 * 1024),
)
