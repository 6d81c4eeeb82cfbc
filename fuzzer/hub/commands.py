"""What a client's frame does. A connection's frames are handled one after the other, in the order they came in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import BadCommand, Command, NotJson, Publish, Subscribe, Unsubscribe, read_command, reply_frame

if TYPE_CHECKING:
    from fuzzer.hub.hub import Hub

POLICY_VIOLATION = 1008


class Commands:
    """Errors are told to the offender alone."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def handle(self, peer: Peer, text: str) -> None:
        """Read and execute one frame."""
        try:
            command = read_command(text)
        except BadCommand as error:
            peer.tell(reply_frame("error", reason=str(error)))
        except NotJson as error:
            peer.tell(reply_frame("error", reason=str(error)))
            self.hub.lifecycle.offended(peer, POLICY_VIOLATION, str(error))
        else:
            await self.execute(peer, command)

    async def execute(self, peer: Peer, command: Command) -> None:
        """Do what the command says."""
        if isinstance(command, Publish):
            await self.publish(peer, command)
        elif isinstance(command, Subscribe):
            self.subscribe(peer, command.room)
        elif isinstance(command, Unsubscribe):
            await self.unsubscribe(peer, command.room)
        else:
            peer.tell(reply_frame("present", users=self.hub.presence.users()))

    async def publish(self, peer: Peer, command: Publish) -> None:
        """Broadcast; to a room only from within it."""
        if command.room is not None and not self.hub.registry.is_subscribed(peer, command.room):
            peer.tell(reply_frame("error", reason="not subscribed", room=command.room))
            return
        await self.hub.broadcaster.publish(peer, command)

    def subscribe(self, peer: Peer, room: str) -> None:
        """Join, unless the connection is in as many rooms as it may be."""
        if self.may_join(peer, room):
            self.enter_room(peer, room)
        else:
            self.refuse_room(peer, room)

    def may_join(self, peer: Peer, room: str) -> bool:
        """Whether it is one room below the cap, or in this one already."""
        registry = self.hub.registry
        return registry.is_subscribed(peer, room) or registry.rooms_of(peer) < self.hub.knobs.max_rooms

    def refuse_room(self, peer: Peer, room: str) -> None:
        """Say that it may not."""
        peer.tell(reply_frame("not-subscribed", reason="too many rooms", room=room))

    def enter_room(self, peer: Peer, room: str) -> None:
        """Answer only after the registration, so that the answer proves it."""
        self.hub.registry.subscribe(peer, room)
        peer.tell(reply_frame("subscribed", room=room))

    async def unsubscribe(self, peer: Peer, room: str) -> None:
        """Answer only after the removal."""
        if self.hub.knobs.unsubscribe_delay:
            await trio.sleep(self.hub.knobs.unsubscribe_delay)
        self.hub.registry.unsubscribe(peer, room)
        peer.tell(reply_frame("unsubscribed", room=room))
