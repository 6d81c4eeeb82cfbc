"""The hub as a server: a listening socket, many connections, and an orderly end."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import trio

from fuzzer.hub.hub import Hub, Pieces
from fuzzer.hub.knobs import Knobs

HOST = "127.0.0.1"
PAUSE_WHEN_FULL = 0.05


def listening_socket(port: int) -> socket.socket:
    """A non-blocking listener on the loopback interface; raises ``OSError`` if the port is taken."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(1024)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


async def accept_all(hub: Hub, listener: socket.socket, accepting: trio.CancelScope) -> None:
    """Take every connection that is waiting, then wait for more, until ``accepting`` is cancelled. Closes it."""
    with listener, accepting:
        while True:
            await trio.lowlevel.wait_readable(listener)
            try:
                take_waiting(hub, listener)
            except OSError:  # out of descriptors: what waits is taken when others have ended
                await trio.sleep(PAUSE_WHEN_FULL)


def take_waiting(hub: Hub, listener: socket.socket) -> None:
    """Accept until nobody waits; raises ``OSError`` if the process can hold no more."""
    while True:
        try:
            sock, _ = listener.accept()
        except ConnectionAbortedError:
            continue
        except BlockingIOError:
            return
        _prepare(sock, hub.knobs.sndbuf)
        hub.nursery.start_soon(hub.serve, sock)


def _prepare(sock: socket.socket, sndbuf: int) -> None:
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sndbuf)


async def serve(
    listener: socket.socket,
    knobs: Knobs,
    secret: str,
    pieces: Pieces | None = None,
    ready: Callable[[Hub], None] = lambda hub: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then close every connection with 1001 and return soon."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            hub = Hub(knobs, secret, nursery, pieces)
            hub.start()
            accepting = trio.CancelScope()
            nursery.start_soon(accept_all, hub, listener, accepting)
            ready(hub)
            async for _ in signals:
                break
            accepting.cancel()
            await hub.shutdown.run()
            nursery.cancel_scope.cancel()
