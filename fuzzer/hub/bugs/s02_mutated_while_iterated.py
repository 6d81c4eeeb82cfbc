"""S02: container mutated during broadcast.

The broadcast iterates the live dictionary of members and awaits at each send. Who comes or leaves in the middle changes
its size: the loop ends with a RuntimeError that nobody handles, and takes the sender's connection with it.
"""

from __future__ import annotations

import trio

from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import Publish, message_frame
from fuzzer.hub.registry import Registry
from fuzzer.hub.stream import PeerGone
from fuzzer.plan import Open, Send

PARK = 0.005  # seconds that a send waits, as it does for a socket that is not writable at once


class MembersByKey(Registry):
    """Keeps the connections of each user in a dictionary, too."""

    def __init__(self) -> None:
        super().__init__()
        self.keyed: dict[str, dict[int, Peer]] = {}

    def add(self, peer: Peer) -> None:
        super().add(peer)
        self.keyed.setdefault(peer.user, {})[id(peer)] = peer

    def remove(self, peer: Peer) -> None:
        super().remove(peer)
        keyed = self.keyed.get(peer.user, {})
        if keyed.pop(id(peer), None) is not None and not keyed:
            del self.keyed[peer.user]


class LiveDictionary(Broadcaster):
    """No copy of the dictionary, and a wait at each send."""

    async def publish(self, sender: Peer, command: Publish) -> None:
        assert isinstance(self.registry, MembersByKey)
        if command.room is not None:
            await super().publish(sender, command)
            return
        frame = message_frame(command)
        for peer in self.registry.keyed.get(sender.user, {}).values():
            await trio.sleep(PARK)
            try:
                peer.send(frame)
            except PeerGone:
                continue


BUG = SeededBug(
    code="S02",
    title="container mutated during broadcast",
    family=("HF502", "HF101", "HF301"),
    reports=(
        "https://github.com/Kohei-Wada/taskdog/pull/1091",
        "https://github.com/dcolinmorgan/herdr-remote/pull/8",
        "https://github.com/Ivy-Interactive/Ivy-Tendril-V2/issues/146",
        "https://github.com/miguelgrinberg/python-socketio/issues/11",
        "https://github.com/cloudcarver/anclax/issues/50",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Send("a", "m0")),
        step(Open("b", "u0"), after="1ms"),
    ),
    pieces=Pieces(registry=MembersByKey, broadcaster=LiveDictionary),
)
