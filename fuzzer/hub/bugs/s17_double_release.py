"""S17: double release.

An unclean end releases the slot twice, once as an error and once as a close: the count is too low ever after, and one
connection too many gets in.
"""

from __future__ import annotations

from collections import Counter

from fuzzer.hub.admission import Admission
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.plan import Drop, Open


class DoubleRelease(Admission):
    """Counts what was given back too often."""

    def __init__(self, knobs: Knobs) -> None:
        super().__init__(knobs)
        self._given_twice: Counter[str] = Counter()

    def used(self, user: str) -> int:
        return super().used(user) - self._given_twice[user]

    def release(self, peer: Peer) -> None:
        if not peer.clean and peer in self.holders.get(self.whose(peer.user), ()):
            self._given_twice[peer.user] += 1
        super().release(peer)


BUG = SeededBug(
    code="S17",
    title="double release",
    family=("HF201",),
    reports=(
        "https://github.com/eclipse-mosquitto/mosquitto/issues/3475",
        "https://github.com/jetty/jetty.project/issues/13324",
        "https://github.com/mastodon/mastodon/pull/27238",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Drop("a")),
    ),
    pieces=Pieces(admission=DoubleRelease),
    knobs=Knobs(limit=1),
)
