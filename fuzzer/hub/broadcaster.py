"""The fan-out of one message: encoded once, the same bytes to each receiver, nobody waits for anybody."""

from __future__ import annotations

from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import Publish, message_frame
from fuzzer.hub.registry import Registry
from fuzzer.hub.stream import PeerGone


class Broadcaster:
    """``publish`` is the whole of it; seeded bugs replace it or ``deliver``."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    async def publish(self, sender: Peer, command: Publish) -> None:
        """Deliver to the sender's user, or to the room; by its knob to the sender too."""
        await self.deliver(sender, self.receivers(sender, command), message_frame(command))

    def receivers(self, sender: Peer, command: Publish) -> list[Peer]:
        """The live list of those who are meant; where senders hear no echo, a list without the sender."""
        room = command.room
        meant = self.registry.members(sender.user) if room is None else self.registry.subscribers(room)
        return meant if sender.hub.knobs.echo == "always" else [peer for peer in meant if peer is not sender]

    async def deliver(self, sender: Peer, receivers: list[Peer], frame: bytes) -> None:
        """Write to a copy of the list, since a write may end a receiver; a dead receiver concerns nobody else."""
        for peer in tuple(receivers):
            try:
                peer.send(frame)
            except PeerGone:
                continue
