"""S20: rejected connection mis-counted.

A connection that is refused because of the limit is counted nevertheless, and nothing ever takes it off the count.
"""

from __future__ import annotations

from collections import Counter

from fuzzer.hub.admission import Admission
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.plan import Open


class RefusedCounts(Admission):
    """Remembers the refused as if they had come in."""

    def __init__(self, knobs: Knobs) -> None:
        super().__init__(knobs)
        self._refused: Counter[str] = Counter()

    def used(self, user: str) -> int:
        return super().used(user) + self._refused[user]

    def admit(self, peer: Peer) -> bool:
        admitted = super().admit(peer)
        self._refused[peer.user] += not admitted
        return admitted


BUG = SeededBug(
    code="S20",
    title="rejected connection mis-counted",
    family=("HF203", "HF202"),
    reports=(
        "https://github.com/jetty/jetty.project/issues/6602",
        "https://github.com/besu-eth/besu/pull/11241",
        "https://github.com/hiero-ledger/hiero-json-rpc-relay/pull/1017",
        "https://github.com/denoland/deno/issues/27924",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
    ),
    pieces=Pieces(admission=RefusedCounts),
    knobs=Knobs(limit=1),
)
