"""The scenario as one writes it with trio-websocket's public interface: a nursery, connect, send, get, close."""

from __future__ import annotations

import socket
import struct

import trio
from trio_websocket import WebSocketConnection, connect_websocket

from tests.benchmarks.scenario import BROADCASTS, CONNECTIONS, DROPS, PATIENCE, TEXTS, Slice, Stopwatch, fresh_path

LINGER_ZERO = struct.pack("ii", 1, 0)


async def scenario(port: int) -> None:
    path = fresh_path()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            conns = [
                await connect_websocket(nursery, "127.0.0.1", port, path, use_ssl=False) for _ in range(CONNECTIONS)
            ]
            for text in TEXTS:
                await conns[0].send_message(text)
            for conn in conns[1:]:
                for _ in range(BROADCASTS):
                    await conn.get_message()
            for conn in conns[-DROPS:]:
                await reset(conn)
            for conn in conns[:-DROPS]:
                await conn.aclose()


async def reset(conn: WebSocketConnection) -> None:
    """The library has no way to do this: the socket is two private names away."""
    stream = conn._stream
    assert isinstance(stream, trio.SocketStream)
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    await trio.aclose_forcefully(stream)


def run(port: int, seconds: float) -> Slice:
    """Plain trio-websocket in one long-lived loop."""

    async def main() -> Slice:
        watch = Stopwatch(seconds)
        while watch.goes_on():
            await scenario(port)
            watch.lap()
        return watch.slice

    return trio.run(main)
