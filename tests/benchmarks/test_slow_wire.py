"""The slow wire delays and changes nothing else: bytes, order, half-closes, resets and full windows stay."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from fuzzer.driver.session import open_session
from fuzzer.greeting import greet
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.target import embedded_target
from fuzzer.plan import Batch, Open, Plan, Send
from fuzzer.target import Target
from tests.benchmarks.conditions import behind_slow_wire

SLOW_WIRE = Path(__file__).with_name("slow_wire.py")
PATIENCE = 20.0
LESSONS = 3  # plans
QUIET = 0.4
"""Seconds without room after which the window is full, several times the delay."""
NO_LINGER = struct.pack("ii", 1, 0)
# What the wire starts; the server that it connects to is this process.
IDLE = "import time\ntime.sleep(600)"


class Behind:
    """Both ends of one connection through the wire."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server


@contextmanager
def wired() -> Iterator[Behind]:
    """A wire before a listener of this very process, and one connection through it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        with _process(port, listener.getsockname()[1]), _client(port) as client:
            listener.settimeout(PATIENCE)
            server, _ = listener.accept()
            with server:
                server.settimeout(PATIENCE)
                yield Behind(client, server)


@contextmanager
def _process(port: int, behind: int) -> Iterator[None]:
    code = f"import sys; sys.path.insert(0, {str(SLOW_WIRE.parent)!r}); import slow_wire\n"
    code += f"slow_wire.free_port = lambda: {behind}\nslow_wire.listens = lambda *_: True\nsys.exit(slow_wire.main())"
    process = subprocess.Popen([sys.executable, "-c", code, "--port", str(port), "--", sys.executable, "-c", IDLE])
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _client(port: int) -> socket.socket:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise


@pytest.fixture
def link() -> Iterator[Behind]:
    with wired() as behind:
        yield behind


def read_all(sock: socket.socket) -> bytes:
    """To the FIN."""
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


def write_for_ever(sock: socket.socket) -> None:
    """Until that fails."""
    while True:
        sock.sendall(b"x")


def write_until_blocked(sock: socket.socket) -> int:
    """Fill every buffer on the way; how many bytes that took."""
    sock.settimeout(QUIET)
    written = 0
    while True:
        try:
            written += sock.send(b"x" * 65536)
        except TimeoutError:
            return written


def test_bytes_pass_in_order_both_ways_and_later(link: Behind) -> None:
    sent = time.monotonic()
    for number in range(100):
        link.client.sendall(number.to_bytes(2, "big"))
    link.client.shutdown(socket.SHUT_WR)
    assert read_all(link.server) == b"".join(number.to_bytes(2, "big") for number in range(100))
    assert time.monotonic() - sent >= 0.03, "the least that jitter leaves of the delay"
    link.server.sendall(b"answer")
    assert link.client.recv(100) == b"answer"


def test_a_fin_closes_one_way_alone(link: Behind) -> None:
    link.client.shutdown(socket.SHUT_WR)
    assert link.server.recv(1) == b""
    link.server.sendall(b"still heard")
    link.server.shutdown(socket.SHUT_WR)
    assert read_all(link.client) == b"still heard"


@pytest.mark.parametrize("way", ["from the client", "from the server"])
def test_a_reset_arrives_as_a_reset(link: Behind, way: str) -> None:
    one, other = (link.client, link.server) if way == "from the client" else (link.server, link.client)
    one.sendall(b"before")
    assert other.recv(100) == b"before"
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    one.close()
    with pytest.raises(ConnectionResetError):
        other.recv(1)


def test_a_reset_after_a_fin_arrives_too(link: Behind) -> None:
    link.client.shutdown(socket.SHUT_WR)
    assert link.server.recv(1) == b""
    link.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    link.client.close()
    link.server.settimeout(0.01)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        write_for_ever(link.server)


def test_whoever_does_not_read_blocks_the_other_side(link: Behind) -> None:
    written = write_until_blocked(link.server)
    link.server.settimeout(PATIENCE)
    rest = threading.Thread(target=lambda: (link.server.sendall(b"end"), link.server.shutdown(socket.SHUT_WR)))
    rest.start()
    assert len(read_all(link.client)) == written + 3
    rest.join(PATIENCE)


def test_a_reset_passes_a_full_window(link: Behind) -> None:
    """Nobody reads; still the other side learns of the reset, without what had no room."""
    write_until_blocked(link.server)
    link.server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    link.server.close()
    with pytest.raises(ConnectionResetError):
        read_all(link.client)


def test_a_server_that_does_not_listen_shows_as_a_reset() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port, nobody = probe.getsockname()[1], socket.socket()
    with nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, so that nobody else takes it, and not listening
        with _process(port, nobody.getsockname()[1]), _client(port) as client, pytest.raises(ConnectionResetError):
            client.recv(1)


def test_the_process_ends_as_its_server_does() -> None:
    command = [sys.executable, str(SLOW_WIRE), "--port", "0", "--", sys.executable, "-c", "raise SystemExit(3)"]
    assert subprocess.run(command, timeout=PATIENCE).returncode == 3


NEAR = embedded_target(knobs=Knobs(limit=2))
TALK = Plan((Batch((Open("a", "u0"), Open("b", "u0"))), Batch((Send("a", "m0"),)), Batch((Send("b", "m1"),))))


def test_a_far_hub_is_asked_no_more_often_than_a_near_one() -> None:
    """Who does not know how far it is takes each answer for late, sends all fences again, and pings."""

    async def asked(target: Target) -> tuple[int, int]:
        """Messages and questions of the quietest of some plans: on a busy machine any answer may be late."""
        async with open_session(target) as session:
            histories = [await session.execute(TALK) for _ in range(LESSONS)]
        counts = (Counter(type(event).__name__ for event in history.events) for history in histories)
        return min((count["SendInv"], count["Control"] + count["Pong"]) for count in counts)

    async def main() -> None:
        assert await asked(behind_slow_wire(NEAR)) == await asked(NEAR)

    trio.run(main)


def test_a_server_whose_port_was_taken_is_started_again_on_another() -> None:
    """The wire must not take connections before it: hubfuzz would find it ready, and then nobody there."""
    with socket.create_server(("127.0.0.1", 0)) as stranger, tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "asked"
        code = f"import sys, pathlib; sys.path.insert(0, {str(SLOW_WIRE.parent)!r}); import slow_wire\n"
        code += f"asked, free = pathlib.Path({str(asked)!r}), slow_wire.free_port\n"
        code += f"slow_wire.free_port = free if asked.exists() else lambda: {stranger.getsockname()[1]}\n"
        code += "asked.touch()\nsys.exit(slow_wire.main())"
        target = behind_slow_wire(NEAR)
        assert target.start is not None
        python, _, *options = target.start
        unlucky = msgspec.structs.replace(target, start=(python, "-c", code, *options))

        async def main() -> None:
            async with open_session(unlucky) as session:
                await greet(session)

        trio.run(main)
        assert asked.exists()
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.accept()  # nobody was led there
