"""Sockets by state: the kernel's sock_diag says what psutil would, and psutil is asked where there is none."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psutil
import pytest

from fuzzer.target import sockets
from fuzzer.target.sockets import CLOSE_WAIT, LISTEN, held

FAMILIES = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


def ourselves() -> list[psutil.Process]:
    return [psutil.Process()]


@pytest.fixture(params=["sock_diag", "psutil"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One way to be told, and the other is shut."""

    def shut(*_: object) -> Iterator[tuple[int, int]]:
        raise OSError

    if request.param == "psutil":
        monkeypatch.setattr(sockets, "_listed", shut)
    elif not hasattr(socket, "AF_NETLINK"):
        pytest.skip("no netlink here")
    else:
        monkeypatch.setattr(sockets, "_counted", shut)
    return str(request.param)


@pytest.mark.parametrize(("family", "host"), FAMILIES, ids=["IPv4", "IPv6"])
def test_a_listener_is_found_by_its_port(way: str, family: socket.AddressFamily, host: str) -> None:
    with socket.create_server((host, 0), family=family) as listener:
        port = listener.getsockname()[1]
        assert held(ourselves, LISTEN, port) == 1
        assert held(ourselves, CLOSE_WAIT, port) == 0
    assert held(ourselves, LISTEN, port) == 0


def test_nobody_else_has_it(way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, other_process() as other:
        port = listener.getsockname()[1]
        assert held(lambda: [psutil.Process(other.pid)], LISTEN, port) == 0
        assert held(lambda: [psutil.Process(other.pid), *ourselves()], LISTEN, port) == 1


@pytest.mark.parametrize("number", [1, 3, 150])
def test_connections_are_counted_whose_peer_has_ended(way: str, number: int) -> None:
    before = held(ourselves, CLOSE_WAIT)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener, ExitStack() as both:
        for _ in range(number):
            client = both.enter_context(socket.create_connection(listener.getsockname()))
            server = both.enter_context(listener.accept()[0])
            client.shutdown(socket.SHUT_WR)
            assert server.recv(1) == b""
        assert held(ourselves, CLOSE_WAIT) - before == number
    assert held(ourselves, CLOSE_WAIT) == before


def test_a_process_that_is_gone_holds_nothing(way: str) -> None:
    with other_process() as other:
        gone = psutil.Process(other.pid)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert held(lambda: [gone], LISTEN, listener.getsockname()[1]) == 0


def test_nobody_is_looked_up_where_there_is_no_such_socket(way: str) -> None:
    asked: list[str] = []

    def nobody() -> list[psutil.Process]:
        asked.append(way)
        return []

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert held(nobody, LISTEN, unused.getsockname()[1]) == 0
    assert asked == ([] if way == "sock_diag" else ["psutil"])


class Refusing:
    """A kernel that knows no sock_diag: what it answers is an error."""

    ANSWER = sockets._HEAD.pack(36, 2, 0, 1, 0) + bytes(20)

    def __init__(self, *_: object) -> None:
        self.settimeout: Callable[[float], None] = lambda seconds: None
        self.send: Callable[[bytes], int] = len
        self.recv: Callable[[int], bytes] = lambda room: self.ANSWER

    def __enter__(self) -> Refusing:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="no netlink here")
def test_where_the_kernel_refuses_psutil_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, monkeypatch.context() as patched:
        patched.setattr("socket.socket", Refusing)
        assert held(ourselves, LISTEN, listener.getsockname()[1]) == 1


def other_process() -> subprocess.Popen[bytes]:
    """One that holds none of our sockets; it ends with its ``with``."""
    return Ending([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)


class Ending(subprocess.Popen[bytes]):
    """Ends with the block."""

    def __exit__(self, *error: object) -> None:
        self.kill()
        super().__exit__(None, None, None)
