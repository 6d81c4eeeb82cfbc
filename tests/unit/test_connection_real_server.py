"""The faults and the order of release against a real server: what its own library says it saw."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
import trio
import websockets.asyncio.server as ws
from hostile import PATIENCE, Client, Endpoint, drive, nothing_left
from websockets.exceptions import ConnectionClosed

from fuzzer.driver import frames

KEEPALIVE = {"ping_interval": 0.2, "ping_timeout": 0.2, "close_timeout": 0.2}


class RealServer:
    """A ``websockets`` server in a thread; ``closes``, ``sent`` (codes) and ``messages`` are what its handlers saw."""

    def __init__(self) -> None:
        self.closes: list[tuple[int, str]] = []
        self.sent: list[int | None] = []
        self.messages: list[str] = []
        self.endpoint = Endpoint()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def _handle(self, connection: ws.ServerConnection) -> None:
        try:
            while True:
                self.messages.append(str(await connection.recv()))
        except ConnectionClosed as end:
            self.sent.append(int(end.sent.code) if end.sent else None)
            self.closes.append((connection.close_code or 0, connection.close_reason or ""))

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        quiet = logging.Logger("quiet", logging.CRITICAL)
        async with ws.serve(self._handle, "127.0.0.1", 0, logger=quiet, **KEEPALIVE) as server:
            self.endpoint = Endpoint(port=next(iter(server.sockets)).getsockname()[1])
            self._ready.set()
            await self._stop.wait()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        thread.start()
        assert self._ready.wait(PATIENCE)
        try:
            yield
        finally:
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(PATIENCE)


def play_real(client: Callable[[Client, RealServer], Awaitable[None]]) -> RealServer:
    server = RealServer()
    with nothing_left(), server.running():
        drive(server.endpoint, lambda side: client(side, server))
    return server


async def _until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE):
        while not condition():
            await trio.sleep(0.002)


@pytest.mark.parametrize("how", ["reset", "fin"])
def test_a_drop_is_an_abnormal_closure(how):
    async def client(side: Client, server: RealServer) -> None:
        (await side.open()).drop(how)
        await _until(lambda: bool(server.closes))

    assert play_real(client).closes == [(1006, "")]


@pytest.mark.parametrize("how", ["reset", "fin"])
def test_gone_after_the_101_the_handler_was_started(how):
    async def client(side: Client, server: RealServer) -> None:
        await side.open(abandon="after-101", how=how)
        await _until(lambda: bool(server.closes))

    assert play_real(client).closes == [(1006, "")]


@pytest.mark.parametrize(("abandon", "how"), [("half-request", "reset"), ("half-request", "fin")])
def test_half_a_request_starts_no_handler_and_the_server_goes_on(abandon, how):
    async def client(side: Client, server: RealServer) -> None:
        await side.open("gone", abandon=abandon, how=how)
        conn = await side.open()
        await conn.prepare_text(["still there"])
        conn.release()
        await _until(lambda: bool(server.messages))

    server = play_real(client)
    assert server.messages == ["still there"]
    assert len(server.closes) <= 1


@pytest.mark.parametrize("fault", ["mute", "stall", "vanish"])
def test_a_peer_that_answers_no_ping_fails_the_keepalive(fault):
    async def client(side: Client, server: RealServer) -> None:
        conn = await side.open()
        {"mute": conn.mute, "stall": conn.stall, "vanish": lambda: conn.drop("vanish")}[fault]()
        await _until(lambda: bool(server.closes))
        seen = [] if fault != "mute" else [("server_closed", 1011, "keepalive ping timeout"), ("tcp_closed",)]
        if fault == "mute":
            await side.record.until("tcp_closed")
        assert side.record.of("c") == [("opened",), *seen]

    assert play_real(client).sent == [1011]


def test_a_connection_that_answers_lives_on():
    async def client(side: Client, server: RealServer) -> None:
        conn = await side.open()
        await trio.sleep(4 * KEEPALIVE["ping_interval"])
        assert conn.is_open
        assert conn.ping(b"and you?")
        assert await side.record.until("pong") == (b"and you?",)

    play_real(client)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("unmasked", 1002),
        ("rsv-bit", 1002),
        ("reserved-opcode", 1002),
        ("bad-utf8", 1007),
        ("orphan-continuation", 1002),
        ("long-ping", 1002),
        ("huge-length", 1009),
    ],
)
def test_malformed_frames_are_refused_with_the_right_code(kind, code):
    async def client(side: Client, server: RealServer) -> None:
        conn = await side.open()
        await conn.prepare_raw(frames.malformed_frame(kind))
        conn.release()
        assert (await side.record.until("server_closed"))[0] == code
        await side.record.until("tcp_closed")

    play_real(client)


def test_code_and_reason_of_our_close_are_exact():
    async def client(side: Client, server: RealServer) -> None:
        conn = await side.open()
        await conn.prepare_close(4001, "bye ☃")
        conn.release()
        await conn.finish(PATIENCE)
        assert side.record.of("c") == [("opened",), ("server_closed", 4001, "bye ☃"), ("tcp_closed",)]

    assert play_real(client).closes == [(4001, "bye ☃")]


def test_eight_connections_act_in_the_order_of_their_release():
    rounds, names = 50, [f"c{number}" for number in range(8)]

    async def client(side: Client, server: RealServer) -> None:
        conns = {name: await side.open(name) for name in names}
        in_order = 0
        for number in range(rounds):
            order = random.Random(number).sample(names, len(names))
            for name in names:
                await conns[name].prepare_text([name])
            await trio.sleep(0.005)  # the frames but their last bytes arrive; nothing can be handled yet
            server.messages.clear()
            for name in order:
                conns[name].release()
            await _until(lambda: len(server.messages) == len(names))
            in_order += server.messages == order
        assert in_order >= 0.9 * rounds

    play_real(client)


def test_eight_opening_handshakes_are_withheld_and_released_together():
    async def client(side: Client, server: RealServer) -> None:
        conns = [await side.connect(f"c{number}") for number in range(8)]
        await trio.sleep(0.05)
        assert side.record.events == []
        for conn in conns:
            conn.release()
        for conn in conns:
            assert await conn.settle(PATIENCE)
            assert conn.is_open

    play_real(client)
