"""S16: per-connection cap, pipelined.

Whether a connection may join one more room is checked, then something is awaited, then it is added, and the next frame
is handled meanwhile: joins that follow each other at once all see room for one more.
"""

from __future__ import annotations

import trio

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.commands import Commands
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.plan import Open, Subscribe

PARK = 0.004  # seconds between the check and the act, as a look into a database takes


class ChecksThenJoins(Commands):
    """Each join is a task of its own, with a wait in the middle."""

    def subscribe(self, peer: Peer, room: str) -> None:
        if self.may_join(peer, room):
            self.hub.nursery.start_soon(self._join, peer, room)
        else:
            self.refuse_room(peer, room)

    async def _join(self, peer: Peer, room: str) -> None:
        await trio.sleep(PARK)
        if peer in self.hub.registry.members(peer.user):
            self.enter_room(peer, room)


BUG = SeededBug(
    code="S16",
    title="per-connection cap, pipelined",
    family=("HF201",),
    reports=(
        "https://github.com/Infisical/infisical/pull/6154",
        "https://github.com/calzoneman/sync/issues/159",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Subscribe("a", "r0")),
        step(Subscribe("a", "r1"), after="instant"),
    ),
    pieces=Pieces(commands=ChecksThenJoins),
    knobs=Knobs(max_rooms=1),
)
