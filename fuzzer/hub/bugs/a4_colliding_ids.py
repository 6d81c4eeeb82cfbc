"""A4: colliding ids.

A connection's id is the time of its coming, by a clock that is read at most once in a few milliseconds. Those who come
at the same time have the same id, whoever they are: when one of them leaves, all of them are unregistered.
"""

from __future__ import annotations

import time

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.registry import Registry
from fuzzer.plan import Close, Open

TICK = 0.003  # seconds for which a reading of the clock is used again


class ClockIds(Registry):
    """An index by id beside the others."""

    def __init__(self) -> None:
        super().__init__()
        self._by_id: dict[float, list[Peer]] = {}
        self._now = 0.0

    def add(self, peer: Peer) -> None:
        super().add(peer)
        now = time.monotonic()
        if now - self._now > TICK:
            self._now = now
        self._by_id.setdefault(self._now, []).append(peer)

    def remove(self, peer: Peer) -> None:
        super().remove(peer)
        for name, peers in tuple(self._by_id.items()):
            if peer in peers:
                del self._by_id[name]
                for other in peers:
                    super().remove(other)


BUG = SeededBug(
    code="A4",
    title="colliding ids",
    family=("HF101", "HF404"),
    reports=("https://github.com/netra-systems/zen",),
    least=plan(
        step(Open("a", "u0"), Open("b", "u1")),
        step(Close("a")),
    ),
    pieces=Pieces(registry=ClockIds),
)
