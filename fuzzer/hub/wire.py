"""trio-websocket's connection object on the hub's side.

This is the only module of the hub that touches private names of trio-websocket (``_reader_task``, ``_send``, the
``_handle_*`` methods, ``_wsproto``, ``_close_stream``, ``_abort_web_socket``); ``tests/unit/test_hub_wire.py`` holds a
test for what is assumed of them.
"""

from __future__ import annotations

from typing import Protocol

from trio_websocket import WebSocketConnection, WebSocketRequest
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, Request, TextMessage
from wsproto.utilities import ProtocolError

from fuzzer.hub.stream import READ_SIZE, PeerGone, Wire


class Listener(Protocol):
    """What a ``HubSocket`` tells about: the hub's peer implements it."""

    async def requested(self, request: WebSocketRequest) -> None: ...
    async def message(self, data: str) -> None: ...
    def pong(self) -> None: ...
    def closed_by_peer(self) -> None: ...
    def offended(self, code: int, reason: str) -> None: ...


class HubSocket(WebSocketConnection):
    """trio-websocket's connection, with its events delivered straight to a ``Listener``: no channel between, no
    lock, no checkpoint per message. It never closes the socket itself."""

    def __init__(self, wire: Wire, listener: Listener, max_size: int) -> None:
        super().__init__(
            wire, WSConnection(ConnectionType.SERVER), receive_buffer_size=READ_SIZE, max_message_size=max_size
        )
        self._wire = wire
        self._listener = listener
        self._ended = False

    @property
    def is_open(self) -> bool:
        """The upgrade is done and no Close frame was sent or read."""
        return self._wsproto.state is ConnectionState.OPEN

    @property
    def is_closed(self) -> bool:
        """Both Close frames were exchanged: nothing that the peer may still send matters."""
        return self._wsproto.state is ConnectionState.CLOSED

    async def run(self) -> None:
        """Read until the connection ends; raises nothing that a peer can cause."""
        try:
            await self._reader_task()
        except (PeerGone, ProtocolError, UnicodeError):
            self._ended = True

    def put(self, event: Event) -> None:
        """Encode and write without waiting; raises ``PeerGone``."""
        self._wire.write(self._wsproto.send(event))

    def send_close(self, code: int, reason: str) -> None:
        """Write our Close frame behind what the peer has begun to get."""
        if self.is_open:
            self.put(CloseConnection(code=code, reason=reason))

    def stop(self) -> None:
        """Handle nothing more that the peer sends."""
        self._ended = True
        self._reader_running = False
        self._wire.stop_reading()

    async def _send(self, event: Event) -> None:
        self.put(event)

    async def _close_stream(self) -> None:
        self.stop()

    async def _abort_web_socket(self) -> None:
        self.stop()

    async def _handle_request_event(self, event: Request) -> None:
        await self._listener.requested(WebSocketRequest(self, event))

    async def _handle_message_event(self, event: TextMessage | BytesMessage) -> None:
        if not self.is_open or self._ended:
            return
        if isinstance(event, BytesMessage):
            self._listener.offended(1003, "text only")
            return
        self._message_size += len(event.data)
        if self._message_size > self._max_message_size:
            self._listener.offended(1009, "message too big")
            return
        await self._collect(event)

    async def _collect(self, event: TextMessage) -> None:
        if event.message_finished and not self._message_parts:
            self._message_size = 0
            await self._listener.message(event.data)
            return
        self._message_parts.append(event.data)
        if event.message_finished:
            whole = "".join(str(part) for part in self._message_parts)
            self._message_size, self._message_parts = 0, []
            await self._listener.message(whole)

    async def _handle_ping_event(self, event: Ping) -> None:
        if self.is_open and not self._ended:
            self.put(event.response())

    async def _handle_pong_event(self, event: Pong) -> None:
        self._listener.pong()

    async def _handle_close_connection_event(self, event: CloseConnection) -> None:
        # wsproto reports its own parse errors as a Close that nobody sent: then its state is still OPEN
        if self._wsproto.state is ConnectionState.OPEN:
            self._listener.offended(event.code, event.reason or "")
            self.stop()
            return
        self._listener.closed_by_peer()
        if self._wsproto.state is ConnectionState.REMOTE_CLOSING:
            self.put(event.response())
        self.stop()
