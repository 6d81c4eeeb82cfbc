"""S31: sequential sends.

The broadcast sends to one receiver after the other and waits, without a time limit, until each has taken it: one that
stalls holds up all those after it, and every later message of the sender.
"""

from __future__ import annotations

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.stream import PeerGone
from fuzzer.plan import Open, Send, Stall


class SequentialSends(Broadcaster):
    """Waits for every receiver."""

    async def deliver(self, sender: Peer, receivers: list[Peer], frame: bytes) -> None:
        for peer in tuple(receivers):
            try:
                peer.send(frame)
            except PeerGone:
                continue
            await peer.wire.drained()


BUG = SeededBug(
    code="S31",
    title="sequential sends",
    family=("HF302", "HF101"),
    reports=(
        "https://github.com/opanel-mc/opanel/pull/429",
        "https://github.com/dotnet/aspnetcore/issues/20282",
        "https://github.com/jetty/jetty.project/issues/2061",
        "https://github.com/Atmosphere/atmosphere/issues/902",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
        step(Stall("a")),
        step(Send("b", "m0", size=65_536, count=8)),
    ),
    pieces=Pieces(broadcaster=SequentialSends),
)
