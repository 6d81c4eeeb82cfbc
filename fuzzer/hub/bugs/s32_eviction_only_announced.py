"""S32: unbounded backlog / eviction only announced.

A reader that is too slow is told that it is closed, and what waits for it is dropped, but nobody unregisters it: it
stays a member and holds its slot for ever.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.plan import Open, Send

TOO_SLOW = 1013


class Announced(Peer):
    """Remembers that it was evicted."""

    evicted = False

    def close(self, code: int, reason: str) -> None:
        self.evicted = self.evicted or code == TOO_SLOW
        super().close(code, reason)


class KeepsTheEvicted(Lifecycle):
    """Takes the eviction for the clean-up."""

    def leave(self, peer: Peer) -> None:
        assert isinstance(peer, Announced)
        if not peer.evicted:
            super().leave(peer)


BUG = SeededBug(
    code="S32",
    title="unbounded backlog / eviction only announced",
    family=("HF401", "HF203", "HF405"),
    reports=(
        "https://github.com/aio-libs/aiohttp/issues/1367",
        "https://github.com/Ivy-Interactive/Ivy-Tendril-V2/issues/146",
        "https://github.com/django/channels_redis/issues/212",
        "https://github.com/kubestellar/console/issues/12112",
        "https://github.com/home-assistant/core/issues/81293",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Send("a", "m0", size=65_536, count=8)),
    ),
    pieces=Pieces(peer=Announced, lifecycle=KeepsTheEvicted),
    knobs=Knobs(backlog=128 * 1024),
)
