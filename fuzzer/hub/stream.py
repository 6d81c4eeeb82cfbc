"""The hub's side of one TCP connection.

A write never waits: the kernel takes what it can, the rest stands in the outbox, and a task of its own drains it. So
one slow reader costs the others nothing.
"""

from __future__ import annotations

import socket
from collections import deque

import trio

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
