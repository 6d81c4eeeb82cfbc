"""One connection as the hub sees it: who it is, what it may be sent, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from trio_websocket import WebSocketRequest
from wsproto.events import Ping

from fuzzer.hub.protocol import json_response
from fuzzer.hub.stream import PeerGone, Wire
from fuzzer.hub.wire import HubSocket

if TYPE_CHECKING:
    from fuzzer.hub.hub import Hub

STATS_REQUEST = b"GET /stats"


class Peer:
    """``session`` is None for a connection without one. ``entered``: the upgrade was granted. ``clean``: a Close frame
    was sent or read. ``expires``: when the token ends, on trio's clock."""

    def __init__(self, hub: Hub, wire: Wire) -> None:
        self.hub = hub
        self.wire = wire
        self.user = ""
        self.session: str | None = None
        self.entered = False
        self.clean = False
        self.expires = float("inf")
        self.pinged_at: float | None = None
        self.scope = trio.CancelScope(deadline=trio.current_time() + hub.knobs.handshake_timeout)
        self.socket = HubSocket(wire, self, hub.knobs.max_size)

    # life
    async def run(self) -> None:
        """Serve the connection until it is over, the peer's Close or EOF included."""
        with self.scope:
            head = await self.wire.read_head()
            if head.startswith(STATS_REQUEST):
                await self._answer(json_response(self.hub.stats()))
            elif head:
                await self.socket.run()
                await self._part()
        self.wire.close()

    async def _answer(self, response: bytes) -> None:
        try:
            self.wire.write(response)
        except PeerGone:
            return
        await self.wire.drained()
        self.wire.finish_writing()
        await self.wire.discard()

    async def _part(self) -> None:
        if self.wire.ended_by_peer:
            return
        self._limit_time(self.hub.knobs.close_timeout)
        if self.socket.is_closed:
            await self.wire.drained()
            return
        self.close(1011, "internal error")
        await self.wire.drained()
        self.wire.finish_writing()
        await self.wire.discard()

    def _limit_time(self, seconds: float) -> None:
        self.scope.deadline = min(self.scope.deadline, trio.current_time() + seconds)

    def established(self) -> None:
        """The opening handshake is over: its time limit too."""
        self.entered = True
        self.scope.deadline = float("inf")

    # to the peer
    def send(self, frame: bytes) -> None:
        """Write one encoded frame without waiting; too slow a reader is closed. Raises ``PeerGone``."""
        if not self.socket.is_open:
            raise PeerGone
        self.wire.write(frame)
        if self.wire.overflowed:
            self.wire.drop_backlog()
            self.close(1013, "too slow")

    def tell(self, frame: bytes) -> None:
        """``send``, for those whom it does not matter whether the peer is still there."""
        try:
            self.send(frame)
        except PeerGone:
            return

    def close(self, code: int, reason: str) -> None:
        """End the connection from our side: at once no member any more, and soon gone, whatever the peer does."""
        if not self.socket.is_open:
            return
        self.clean = True
        self.hub.lifecycle.leave(self)
        self._limit_time(self.hub.knobs.close_timeout)
        try:
            self.socket.send_close(code, reason)
        except PeerGone:
            self.wire.close()

    def ping(self, now: float) -> None:
        """Ask for a sign of life, unless the closing handshake has begun."""
        if not self.socket.is_open:
            return
        self.pinged_at = now
        try:
            self.socket.put(Ping(payload=b"hub"))
        except PeerGone:
            return

    # from the peer
    async def requested(self, request: WebSocketRequest) -> None:
        """The upgrade request was read."""
        await self.hub.lifecycle.opening(self, request)

    async def message(self, data: str) -> None:
        """One whole text message was read."""
        await self.hub.commands.handle(self, data)

    def pong(self) -> None:
        """A sign of life was read."""
        self.pinged_at = None

    def closed_by_peer(self) -> None:
        """The peer's Close was read, and is not answered yet: who sees the answer may count on the slot.

        Not so with ``release_delay``: then it is given back some time after the end of the connection.
        """
        self.clean = True
        if self.hub.knobs.release_delay:
            self.hub.registry.remove(self)
        else:
            self.hub.lifecycle.leave(self)

    def offended(self, code: int, reason: str) -> None:
        """The peer broke the rules of RFC 6455 or of the hub."""
        self.hub.lifecycle.offended(self, code, reason)
