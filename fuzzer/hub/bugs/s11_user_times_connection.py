"""S11: user x connection fan-out.

A room remembers each connection, and for each the message goes to all connections of its user that are in the room: a
user with two of them gets everything twice on both.
"""

from __future__ import annotations

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import Publish
from fuzzer.plan import Open, Subscribe


class UserTimesConnection(Broadcaster):
    """Two loops where one would do."""

    def receivers(self, sender: Peer, command: Publish) -> list[Peer]:
        meant = super().receivers(sender, command)
        if command.room is None:
            return meant
        return [mate for peer in meant for mate in self.registry.members(peer.user) if mate in meant]


BUG = SeededBug(
    code="S11",
    title="user x connection fan-out",
    family=("HF103",),
    reports=("https://github.com/laverdet/xxscreeps/issues/217",),
    least=plan(
        step(Open("a", "u0"), Open("b", "u0")),
        step(Subscribe("a", "r0"), Subscribe("b", "r0")),
    ),
    pieces=Pieces(broadcaster=UserTimesConnection),
)
