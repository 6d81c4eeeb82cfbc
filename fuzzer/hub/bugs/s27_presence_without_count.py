"""S27: presence without reference count.

A user is said to have left when one of its connections ends, though others are there.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.presence import Presence
from fuzzer.plan import Close, Open, Query


class FirstDeparture(Presence):
    """Forgets the user with the connection."""

    def forget(self, peer: Peer) -> None:
        if peer in self.there.get(peer.user, ()):
            del self.there[peer.user]


BUG = SeededBug(
    code="S27",
    title="presence without reference count",
    family=("HF405",),
    reports=(
        "https://github.com/laravel/reverb/issues/213",
        "https://github.com/soketi/soketi/pull/19",
        "https://github.com/Longwelwind/swords-and-ravens/pull/1976",
        "https://github.com/zulip/zulip/issues/38859",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
        step(Close("a")),
        step(Query("b"), wait=0.4),
    ),
    pieces=Pieces(presence=FirstDeparture),
)
