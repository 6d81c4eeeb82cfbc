"""The hub's side of one TCP connection, and trio-websocket's connection object on top of it.

A write never waits: the kernel takes what it can, the rest stands in the outbox, and a task of its own drains it. So
one slow reader costs the others nothing. This is the only module of the hub that touches private names of
trio-websocket (``_reader_task``, ``_send``, the ``_handle_*`` methods, ``_wsproto``, ``_close_stream``,
``_abort_web_socket``); ``tests/unit/test_hub_wire.py`` holds a test for what is assumed of them.
"""

from __future__ import annotations

import socket
from collections import deque
from typing import Protocol

import trio
from trio_websocket import WebSocketConnection, WebSocketRequest
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, Request, TextMessage
from wsproto.utilities import ProtocolError

READ_SIZE = 65536
MAX_HEAD = 16 * 1024
END_OF_HEAD = b"\r\n\r\n"


class PeerGone(Exception):
    """The connection cannot be written to any more."""


class Wire(trio.abc.Stream):
    """A non-blocking socket whose unsent bytes wait in an outbox. ``backlog`` bytes may wait (see ``overflowed``)."""

    def __init__(self, sock: socket.socket, nursery: trio.Nursery, backlog: int) -> None:
        self.closed = False
        self.ended_by_peer = False
        self.waiting = 0
        self._sock = sock
        self._nursery = nursery
        self._backlog = backlog
        self._unread = b""
        self._reading = True
        self._outbox: deque[memoryview] = deque()
        self._drained = trio.Event()

    # reading
    async def read_head(self) -> bytes:
        """The bytes up to the empty line of an HTTP request, kept for ``receive_some``; empty if none will come."""
        data = b""
        while END_OF_HEAD not in data:
            chunk = await self.receive_some(READ_SIZE)
            if not chunk or len(data) > MAX_HEAD:
                return b""
            data += chunk
        self._unread = data
        return data[: data.index(END_OF_HEAD) + len(END_OF_HEAD)]

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """One read; empty when the peer has ended its side, in whatever way."""
        if self.closed or not self._reading:
            raise trio.ClosedResourceError
        if self._unread:
            return self._take_unread()
        while True:
            await trio.lowlevel.wait_readable(self._sock)
            try:
                data = self._sock.recv(max_bytes or READ_SIZE)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            self.ended_by_peer = not data
            return data

    def _take_unread(self) -> bytes:
        # wsproto forgets what is glued to an upgrade request, so the request is handed out alone
        end = self._unread.find(END_OF_HEAD)
        cut = end + len(END_OF_HEAD) if end >= 0 and self._unread.startswith(b"GET ") else len(self._unread)
        data, self._unread = self._unread[:cut], self._unread[cut:]
        return data

    def stop_reading(self) -> None:
        """Make the next ``receive_some`` raise, so that the library's reader ends without closing the socket."""
        self._reading = False

    async def discard(self) -> None:
        """Read and forget until the peer ends its side, so that closing does not reset what it has yet to read."""
        self._reading, self._unread = True, b""
        try:
            while await self.receive_some(READ_SIZE):
                pass
        except trio.ClosedResourceError:  # closed by another task, because the peer is gone
            return

    @property
    def peer_left(self) -> bool:
        """Whether the peer has already ended its side with nothing left to read. Never blocks."""
        if self._unread:
            return False
        try:
            return not self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    # writing
    def write(self, data: bytes) -> None:
        """Hand over to the kernel or else to the outbox, at once; raises ``PeerGone``."""
        if self.closed:
            raise PeerGone
        sent = 0 if self._outbox else self._try_send(data)
        if sent < len(data):
            self._keep(memoryview(data)[sent:])

    def _try_send(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            raise PeerGone from None

    def _keep(self, rest: memoryview) -> None:
        if not self._outbox:
            self._drained = trio.Event()
            self._nursery.start_soon(self._drain)
        self._outbox.append(rest)
        self.waiting += len(rest)

    @property
    def overflowed(self) -> bool:
        """More waits than may. One message alone never overflows: its size has a bound of its own."""
        return self.waiting > self._backlog and len(self._outbox) > 1

    def drop_backlog(self) -> None:
        """Forget what waits, except the first frame: the peer may have its beginning, and it keeps the drain busy."""
        while len(self._outbox) > 1:
            self.waiting -= len(self._outbox.pop())

    async def _drain(self) -> None:
        try:
            while self._outbox and not self.closed:
                await trio.lowlevel.wait_writable(self._sock)
                self._send_waiting()
        except (PeerGone, trio.ClosedResourceError):
            self._outbox.clear()
            self.waiting = 0
        finally:
            self._drained.set()

    def _send_waiting(self) -> None:
        while self._outbox:
            head = self._outbox[0]
            sent = self._try_send(head)
            self.waiting -= sent
            if sent < len(head):
                self._outbox[0] = head[sent:]
                return
            self._outbox.popleft()

    async def drained(self) -> None:
        """Wait until the kernel has taken everything, or the connection is gone."""
        if self._outbox:
            await self._drained.wait()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write and wait until the kernel has taken it (the stream interface; the hub itself uses ``write``)."""
        self.write(bytes(data))
        await self.drained()

    async def wait_send_all_might_not_block(self) -> None:
        """As the stream interface says."""
        await self.drained()

    # ending
    def finish_writing(self) -> None:
        """Send FIN behind what was written."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the socket now; idempotent; wakes whoever waits on it."""
        if not self.closed:
            self.closed = True
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()
            self._drained.set()

    async def aclose(self) -> None:
        """As the stream interface says."""
        self.close()


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
