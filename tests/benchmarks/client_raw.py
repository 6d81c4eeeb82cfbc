"""The scenario on blocking sockets with bytes that were framed beforehand: no client can do less work."""

from __future__ import annotations

import socket
import struct

from tests.benchmarks.scenario import BROADCASTS, CONNECTIONS, DROPS, PATIENCE, TEXTS, Slice, Stopwatch, fresh_path

MASK = b"\0\0\0\0"  # masked as RFC 6455, 5.3 demands, with the one key that changes nothing
PUBLISH = b"".join(b"\x81" + bytes([0x80 | len(text)]) + MASK + text.encode() for text in TEXTS)
DELIVERED = BROADCASTS * (2 + len(TEXTS[0]))
CLOSE = b"\x88\x82" + MASK + struct.pack("!H", 1000)
LINGER_ZERO = struct.pack("ii", 1, 0)


def upgrade(path: str, port: int) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return (head + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode()


def connect(port: int, request: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(request)
    return sock


def read_101(sock: socket.socket) -> None:
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += read_some(sock)
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise RuntimeError(f"the server answered {answer[:80]!r}")


def read_some(sock: socket.socket) -> bytes:
    data = sock.recv(65_536)
    if not data:
        raise RuntimeError("the server closed the connection")
    return data


def read_deliveries(sock: socket.socket) -> None:
    missing = DELIVERED
    while missing:
        missing -= len(read_some(sock))


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    sock.close()


def await_close(sock: socket.socket) -> None:
    while sock.recv(65_536):
        pass
    sock.close()


def one_after_the_other(port: int) -> None:
    """Every wait ends before the next thing begins, as blocking code is written."""
    request = upgrade(fresh_path(), port)
    socks = []
    for _ in range(CONNECTIONS):
        socks.append(connect(port, request))
        read_101(socks[-1])
    _broadcast(socks)
    for sock in socks[-DROPS:]:
        reset(sock)
    for sock in socks[:-DROPS]:
        sock.sendall(CLOSE)
        await_close(sock)


def side_by_side(port: int) -> None:
    """All opening handshakes are under way at once, and all closing ones."""
    request = upgrade(fresh_path(), port)
    socks = [connect(port, request) for _ in range(CONNECTIONS)]
    for sock in socks:
        read_101(sock)
    _broadcast(socks)
    for sock in socks[-DROPS:]:
        reset(sock)
    for sock in socks[:-DROPS]:
        sock.sendall(CLOSE)
    for sock in socks[:-DROPS]:
        await_close(sock)


def _broadcast(socks: list[socket.socket]) -> None:
    socks[0].sendall(PUBLISH)
    for sock in socks[1:]:
        read_deliveries(sock)


def run(port: int, seconds: float) -> Slice:
    """Blocking sockets, one thing after the other."""
    watch = Stopwatch(seconds)
    while watch.goes_on():
        one_after_the_other(port)
        watch.lap()
    return watch.slice


def run_side_by_side(port: int, seconds: float) -> Slice:
    """Blocking sockets, handshakes side by side."""
    watch = Stopwatch(seconds)
    while watch.goes_on():
        side_by_side(port)
        watch.lap()
    return watch.slice
