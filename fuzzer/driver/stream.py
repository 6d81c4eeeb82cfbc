"""A TCP stream that a test may slow down, hold back and break, over a plain non-blocking socket.

Writes never wait: what the kernel does not take at once goes on in a background task, so that no cancelled write can
leave half a frame behind. Reads can be stopped at the socket, which is what makes the server's own buffers fill.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Callable
from typing import Literal

import trio

CHUNK = 65_536  # bytes per read: many frames for one turn of the loop
PREPARE_WAIT = 0.05  # seconds that a prepared frame may wait for the kernel before the background takes over
LEAVE_READS = 256  # reads that clear the receive buffer before a FIN; unread bytes would turn it into a reset
LINGER_ZERO = struct.pack("ii", 1, 0)


class FuzzStream(trio.abc.HalfCloseableStream):
    """``sock`` must be non-blocking and unconnected; ``on_flushed`` is called when all is taken that was released."""

    def __init__(self, sock: socket.socket, nursery: trio.Nursery, on_flushed: Callable[[], None]) -> None:
        self.end: Literal["eof", "reset"] | None = None  # how the peer ended, as read; None: it did not
        self.closed = False
        self._sock = sock
        self._nursery = nursery
        self._on_flushed = on_flushed
        self._gate: trio.Event | None = None
        self._deadline: float | None = None
        self._frozen = False
        self._broken = False
        self._reset_on_write = False
        self._holding = False
        self._held = bytearray()
        self._dripping = False  # what is withheld now will go byte by byte
        self._drip_until = 0  # up to this value of ``_sent`` each byte is a write of its own
        self._pending = bytearray()
        self._idle: trio.Event | None = None  # set when the background writer ends; None: there is none
        self._accepted = 0  # bytes given to this stream for writing, so far
        self._sent = 0  # bytes taken by the kernel, so far
        self._released: int | None = None  # the value of ``_sent`` from which on all that was released is taken

    async def connect(self, host: str, port: int, timeout: float) -> None:
        """TCP connect; raises ``OSError``, or ``trio.TooSlowError`` after ``timeout`` seconds."""
        with trio.fail_after(timeout):
            address = await _address(host, port, self._sock.family)
            status = self._sock.connect_ex(address)
            if status == errno.EINPROGRESS:
                await trio.lowlevel.wait_writable(self._sock)
                status = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if status:
            raise OSError(status, os.strerror(status))

    # Reading

    @property
    def stalled(self) -> bool:
        """Nothing is read at the socket now."""
        return self._gate is not None

    def stall(self) -> None:
        """Stop reading: from now on bytes stay in the kernel."""
        if self._gate is None and not self.closed:
            self._gate = trio.Event()

    def resume(self) -> None:
        """Go on reading where ``stall`` stopped."""
        if self._gate is not None and not self._frozen:
            self._gate.set()
            self._gate = None

    def limit(self, seconds: float) -> None:
        """Reads look like the end of the stream after ``seconds`` from now. Only for the reading task itself."""
        self._deadline = trio.current_time() + seconds

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next bytes; b"" after the peer's FIN. ``BrokenResourceError`` after its reset."""
        if self._deadline is None:
            return await self._receive(max_bytes or CHUNK)
        with trio.move_on_at(self._deadline):
            return await self._receive(max_bytes or CHUNK)
        return b""

    async def _receive(self, max_bytes: int) -> bytes:
        while True:
            await self._until_readable()
            try:
                data = self._sock.recv(max_bytes)
            except BlockingIOError:
                continue
            except OSError as error:
                self.end = "reset"
                raise trio.BrokenResourceError from error
            return data or self._end_of_stream()

    async def _until_readable(self) -> None:
        while not self.closed:
            if self._gate is not None:
                await self._gate.wait()
                continue
            # One turn of the loop for each read, even if there are bytes: a busy peer must not starve the others.
            await trio.lowlevel.wait_readable(self._sock)
            if self._gate is None and not self.closed:
                return
        raise trio.ClosedResourceError

    def _end_of_stream(self) -> bytes:
        if self._reset_on_write:  # Linux reports a reset once: a failed write hides it from the reader
            self.end = "reset"
            raise trio.BrokenResourceError
        self.end = "eof"
        return b""

    # Writing

    @property
    def blocked(self) -> bool:
        """The kernel has not taken everything yet."""
        return bool(self._pending)

    @property
    def holding(self) -> bool:
        """Bytes are withheld; all later writes queue up behind them."""
        return self._holding

    async def prepare(self, head: bytes, tail: bytes, *, drip: bool = False) -> None:
        """Write ``head`` now, withhold ``tail`` until ``release``. Waits at most ``PREPARE_WAIT`` for the kernel.

        ``drip``: ``tail`` then goes byte by byte, one in a turn of the loop, and everything later queues up behind it.
        Each is a segment of its own as long as the peer acknowledges what came before; else the kernel joins some.
        """
        self.write(head)
        if not self._usable():
            return
        self._holding, self._dripping = True, drip
        self._held += tail
        if self._idle is not None:
            with trio.move_on_after(PREPARE_WAIT):
                await self._idle.wait()

    def release(self) -> None:
        """Let the withheld bytes go: one system call, no checkpoint. Nothing withheld: no effect."""
        if not self._holding:
            return
        data, self._held, self._holding = bytes(self._held), bytearray(), False
        self._released = self._accepted + len(data)
        if self._dripping:
            self._drip_until, self._dripping = self._accepted + len(data), False
        self.write(data)

    def write(self, data: bytes) -> None:
        """Write without waiting, in order behind everything that is withheld or still pending."""
        if not data or not self._usable():
            return
        if self._holding:
            self._held += data
            return
        self._accepted += len(data)
        sent = 0 if self._pending else self._send(self._portion(data))
        if sent < len(data) and not self._broken:
            self._pending += data[sent:]
            self._start_background()

    def _usable(self) -> bool:
        return not (self.closed or self._frozen or self._broken)

    def _portion(self, data: bytes | bytearray) -> bytes | bytearray:
        """What may go in one write: one byte while dripping."""
        return data[:1] if self._sent < self._drip_until else data

    def _send(self, data: bytes | bytearray) -> int:
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._break(error)
            return 0
        self._sent += sent
        self._note_taken()
        return sent

    def _note_taken(self) -> None:
        """Tell only when nothing is on its way or withheld: who is told does not know what belongs to which release."""
        if self._released is not None and self._released <= self._sent and not self._holding:
            self._released = None
            self._on_flushed()

    def _break(self, error: OSError) -> None:
        # The reader finds out by itself, after it has read what came before; a write tells nothing of that.
        self._reset_on_write = isinstance(error, ConnectionResetError)
        self._broken = True
        self._forget_output()

    def _forget_output(self) -> None:
        self._holding = False
        self._held.clear()
        self._pending.clear()
        self._released = None

    def _start_background(self) -> None:
        if self._idle is None:
            self._idle = trio.Event()
            self._nursery.start_soon(self._write_pending, self._idle)

    async def _write_pending(self, idle: trio.Event) -> None:
        try:
            while self._pending and self._usable():
                await trio.lowlevel.wait_writable(self._sock)
                if self._usable():
                    sent = self._send(self._portion(self._pending))
                    del self._pending[:sent]
        except trio.ClosedResourceError:
            pass
        finally:
            self._idle = None
            idle.set()

    # Ending

    def freeze(self) -> None:
        """Read nothing and write nothing from now on, but keep the socket until ``close``."""
        self.stall()
        self._frozen = True
        self._forget_output()

    def close(self, how: Literal["fin", "reset"] = "fin") -> None:
        """Close the socket now, whatever state it is in. Bytes not yet taken by the kernel are lost."""
        if self.closed:
            return
        self.closed = True
        self._forget_output()
        if self._gate is not None:
            self._gate.set()
        trio.lowlevel.notify_closing(self._sock)
        if how == "reset":
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        else:
            self._say_fin()
        self._sock.close()

    def _say_fin(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            for _ in range(LEAVE_READS):
                if not self._sock.recv(CHUNK):
                    return

    # The rest of trio's stream interface, as trio-websocket may call it

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As ``write``: it does not wait for the kernel."""
        await trio.lowlevel.checkpoint()
        self.write(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for the background writer."""
        if self._idle is not None:
            await self._idle.wait()

    async def send_eof(self) -> None:
        """Half-close: FIN, but go on reading."""
        await trio.lowlevel.checkpoint()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        """As ``close``."""
        self.close()
        await trio.lowlevel.checkpoint()


def new_socket(host: str, *, small_buffers: bool) -> socket.socket:
    """A non-blocking TCP socket for ``host``. Small buffers must be set before the connect to have an effect."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if small_buffers:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return sock


async def _address(host: str, port: int, family: socket.AddressFamily | int) -> tuple[str, int]:
    if host == "localhost":
        return "127.0.0.1", port
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host)), port
    found = await trio.socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    return str(found[0][4][0]), port
