"""From the upgrade request to the end of a connection, whichever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from trio_websocket import WebSocketRequest

from fuzzer.hub.admission import OVER_LIMIT
from fuzzer.hub.authenticator import Refused
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import reply_frame

if TYPE_CHECKING:
    from fuzzer.hub.hub import Hub

PATH = "/ws"


class Lifecycle:
    """Everything between two awaits is one step; what was taken is given back in ``ended``, always."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def opening(self, peer: Peer, request: WebSocketRequest) -> None:
        """Token, slot, upgrade, membership, welcome: in this order."""
        if request.path.partition("?")[0] != PATH:
            await self.reject(peer, request, 404, "the hub is at /ws")
            return
        try:
            self.hub.authenticator.identify(peer, request.path)
        except Refused as refusal:
            await self.reject(peer, request, 401, str(refusal))
            return
        admitted = await self.admitted(peer)
        if peer.wire.peer_left:
            peer.socket.stop()
        elif admitted:
            await self.enter(peer, request)
        else:
            await self.refuse(peer, request)

    async def admitted(self, peer: Peer) -> bool:
        """Whether the user may come in once more. The slot is taken after the last await, so no race is lost."""
        await self.hub.authenticator.confirm(peer)
        return not peer.wire.peer_left and self.claim(peer)

    def claim(self, peer: Peer) -> bool:
        """Take the session over and a slot; the session first, since the replaced connection does not count."""
        self.hub.sessions.take_over(peer)
        return self.hub.admission.admit(peer)

    async def refuse(self, peer: Peer, request: WebSocketRequest) -> None:
        """Say no because of the limit, in the way the knobs ask for."""
        if self.hub.knobs.reject_by == "status":
            await self.reject(peer, request, 429, "too many connections")
            return
        await request.accept()
        peer.close(OVER_LIMIT, "too many connections")

    async def reject(self, peer: Peer, request: WebSocketRequest, status: int, reason: str) -> None:
        """Answer the upgrade request with an HTTP status and hear no more."""
        await request.reject(status, body=reason.encode() + b"\n")
        peer.socket.stop()

    async def enter(self, peer: Peer, request: WebSocketRequest) -> None:
        """Grant the upgrade, then register, then say so."""
        await request.accept()
        peer.established()
        if self.hub.knobs.join_delay:
            await trio.sleep(self.hub.knobs.join_delay)
        if peer.socket.is_open:
            self.join(peer)
            peer.tell(reply_frame("welcome", user=peer.user))

    def join(self, peer: Peer) -> None:
        """Make the connection known in every index."""
        self.hub.registry.add(peer)
        self.hub.presence.enter(peer)
        self.hub.expiry.watch(peer)

    def offended(self, peer: Peer, code: int, reason: str) -> None:
        """The peer broke a rule: it alone is closed."""
        peer.close(code, reason)

    def leave(self, peer: Peer) -> None:
        """Forget the connection in every index. May be called again: each step is about this connection alone."""
        self.hub.registry.remove(peer)
        self.hub.presence.leave(peer)
        self.hub.expiry.forget(peer)
        self.hub.sessions.forget(peer)
        self.hub.admission.release(peer)

    async def ended(self, peer: Peer) -> None:
        """The connection is gone for good. Called exactly once for each, whatever happened to it."""
        delay = self.hub.knobs.release_delay if peer.clean else self.hub.knobs.leave_delay
        if delay:
            await trio.sleep(delay)
        self.leave(peer)
