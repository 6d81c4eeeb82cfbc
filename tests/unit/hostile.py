"""A raw server that does exactly what a test says, and the client side of such a test with its own recorder.

The server runs each connection's script in a thread with plain blocking sockets, so nothing of what it does or sees
passes through the code under test.
"""

from __future__ import annotations

import base64
import hashlib
import os
import select
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio
from msgspec.structs import replace

from fuzzer.driver import frames
from fuzzer.driver.connection import FuzzConn
from fuzzer.values import Value

PATIENCE = 10.0  # seconds after which a test is broken; nothing waits as long as this when all is well
LINGER_ZERO = struct.pack("ii", 1, 0)


class Endpoint(Value):
    """The fields that a connection needs of an endpoint."""

    host: str = "127.0.0.1"
    port: int = 0
    resource: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    first_message: str | None = None


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.unread = b""
        self.request = b""
        sock.settimeout(PATIENCE)

    def read_request(self) -> bytes:
        """The whole request head."""
        while b"\r\n\r\n" not in self.unread:
            self._more()
        self.request, _, self.unread = self.unread.partition(b"\r\n\r\n")
        return self.request

    def accept_key(self) -> bytes:
        """The only right value of Sec-WebSocket-Accept."""
        lines = dict(line.split(b": ", 1) for line in self.request.split(b"\r\n")[1:])
        key = next(value for name, value in lines.items() if name.lower() == b"sec-websocket-key")
        return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())

    def upgrade(self, *, extra: bytes = b"", glued: bytes = b"") -> None:
        """Read the request and answer with a 101, with more header lines, with frames in the same segment."""
        self.read_request()
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.send(head + b"Sec-WebSocket-Accept: " + self.accept_key() + b"\r\n" + extra + b"\r\n" + glued)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read_frame(self) -> tuple[int, bytes]:
        """First byte and unmasked payload of the next frame."""
        first, second = self.take(2)
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(self.take(2 if length == 126 else 8), "big")
        key = self.take(4) if second & 0x80 else b"\0\0\0\0"
        payload = self.take(length)
        keys = (key * (length // 4 + 1))[:length]
        return first, bytes(a ^ b for a, b in zip(payload, keys, strict=True))

    def take(self, count: int) -> bytes:
        while len(self.unread) < count:
            self._more(1 << 20)
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken

    def _more(self, count: int = 65_536) -> None:
        data = self.sock.recv(count)
        if not data:
            raise EOFError
        self.unread += data

    def ending(self) -> str:
        """Read to the end; ``fin`` or ``reset``. What was read is in ``unread``."""
        try:
            while True:
                self._more()
        except EOFError:
            return "fin"
        except ConnectionResetError:
            return "reset"

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self.sock.close()


def frame(opcode: int, payload: bytes = b"", **options: Any) -> bytes:
    """One frame as a server sends it: unmasked."""
    return frames.frame(opcode, payload, masked=False, **options)


def close(code: int, reason: bytes = b"") -> bytes:
    """A server's Close frame."""
    return frame(frames.CLOSE, struct.pack("!H", code) + reason)


Script = Callable[[Peer], Any]


class HostileServer:
    """Runs ``script`` for each connection; ``results`` are the return values, ``errors`` what scripts raised."""

    def __init__(self, script: Script) -> None:
        self.results: list[Any] = []
        self.errors: list[BaseException] = []
        self._last: Any = None
        self._script = script
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.endpoint = Endpoint(port=self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, address = self._listener.accept()
            except OSError:
                return
            if address == self._last:
                sock.close()
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            try:
                self.results.append(self._script(Peer(sock)))
            except BaseException as error:
                self.errors.append(error)

    def stop(self) -> None:
        """Wait for the scripts; raise the first error of one."""
        with socket.socket() as last:  # the acceptor ends with this connection, after all that came before it
            last.bind(("127.0.0.1", 0))
            self._last = last.getsockname()
            last.connect(self._listener.getsockname())
        self._acceptor.join(PATIENCE)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)
        if self.errors:
            raise self.errors[0]


class Recorder:
    """A sink that remembers each report as a tuple ``(what, connection, ...)``."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def __getattr__(self, what: str) -> Callable[..., None]:
        return lambda *details: self.events.append((what, *details))

    def of(self, conn: str) -> list[tuple[Any, ...]]:
        """The reports of one connection without its name, and without ``flushed``."""
        return [(what, *rest) for what, name, *rest in self.events if name == conn and what != "flushed"]

    def frames(self, conn: str = "c") -> list[str | bytes]:
        return [event[2] for event in self.events if event[:2] == ("frame", conn)]

    async def until(self, what: str, conn: str = "c", count: int = 1) -> tuple[Any, ...]:
        """Wait for the ``count``-th such report."""
        with trio.fail_after(PATIENCE):
            while True:
                found = [event for event in self.events if event[:2] == (what, conn)]
                if len(found) >= count:
                    return found[count - 1][2:]
                await trio.sleep(0.002)


class Client:
    """What a test's client side works with."""

    def __init__(self, endpoint: Endpoint, nursery: trio.Nursery, record: Recorder) -> None:
        self.endpoint = endpoint
        self.record = record
        self.conns: list[FuzzConn] = []
        self._nursery = nursery

    async def connect(self, name: str = "c", *, endpoint: Endpoint | None = None, **options: Any) -> FuzzConn:
        """Connected, the last byte of the request withheld."""
        conn = await FuzzConn.connect(name, endpoint or self.endpoint, self._nursery, self.record, **options)
        self.conns.append(conn)
        return conn

    async def open(self, name: str = "c", **options: Any) -> FuzzConn:
        """Released and decided."""
        conn = await self.connect(name, **options)
        conn.release()
        assert await conn.settle(PATIENCE)
        return conn


def is_silent(peer: Peer) -> bool:
    """Whether nothing arrives at the server for a while."""
    return not select.select([peer.sock], [], [], 0.15)[0]


def play(script: Script, client: Callable[[Client], Awaitable[None]], **endpoint: Any) -> HostileServer:
    """Run both sides. Fails if a task or a socket is left after every connection was disposed."""
    with nothing_left():
        server = HostileServer(script)
        try:
            drive(replace(server.endpoint, **endpoint), client)
        finally:
            server.stop()
    return server


def drive(endpoint: Endpoint, client: Callable[[Client], Awaitable[None]]) -> None:
    """Run the client side alone, against any server."""

    async def main() -> None:
        with trio.fail_after(3 * PATIENCE):
            async with trio.open_nursery() as nursery:
                side = Client(endpoint, nursery, Recorder())
                try:
                    await client(side)
                finally:
                    for conn in side.conns:
                        conn.dispose()
                with trio.fail_after(PATIENCE):
                    while nursery.child_tasks:
                        await trio.sleep(0.002)

    trio.run(main)


@contextmanager
def nothing_left() -> Iterator[None]:
    """The block leaves as many open sockets as it found."""
    before = open_sockets()
    yield
    assert open_sockets() == before


def open_sockets() -> int:
    """The number of sockets of this process."""
    count = 0
    for entry in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{entry}").startswith("socket:")
        except FileNotFoundError:
            continue
    return count
