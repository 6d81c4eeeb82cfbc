"""The server's own counts: good answers of every HTTP shape, and one line for every bad one."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio

from fuzzer.target import ProbeError, Target
from fuzzer.target.config import Count, JsonProtocol, Match, Probe
from fuzzer.target.http import NoAnswer, get
from fuzzer.target.probe import read_counts

Serve = Callable[[trio.SocketStream], Awaitable[None]]
URL = "http://127.0.0.1:{port}/stats?all=1"


def target(**counts: str) -> Target:
    probe = Probe({name: Count(URL, path) for name, path in counts.items()})
    return Target(
        name="x",
        url="ws://127.0.0.1:{port}/",
        protocol=JsonProtocol(publish="", deliver=Match()),
        probe=probe,
        start=("x",),
    )


async def against(serve: Serve, act: Callable[[int], Awaitable[object]]) -> object:
    """The result of ``act`` against a server that treats each connection by ``serve``."""
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            made = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
            try:
                return await act(made[0].socket.getsockname()[1])
            finally:
                nursery.cancel_scope.cancel()
    raise AssertionError("unreachable")


def answering(*chunks: bytes, keep_open: bool = False, seen: list[bytes] | None = None) -> Serve:
    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            request = await stream.receive_some()
            if seen is not None:
                seen.append(bytes(request))
            for chunk in chunks:
                await stream.send_all(chunk)
                await trio.sleep(0.001)
            if keep_open:
                await trio.sleep_forever()

    return serve


def counts(serve: Serve, wanted: Target) -> object:
    return trio.run(against, serve, lambda port: read_counts(wanted, port))


def trouble(serve: Serve, wanted: Target | None = None) -> str:
    """The error's line, with the port left out."""

    async def act(port: int) -> str:
        with pytest.raises(ProbeError) as caught:
            await read_counts(wanted or target(connections="connections"), port)
        return str(caught.value).replace(str(port), "PORT")

    line = trio.run(against, serve, act)
    assert isinstance(line, str)
    assert "\n" not in line
    return line


BODY = b'{"connections": 3, "rooms": {"open": [0, 7]}, "name": "x", "load": 1.5, "up": true}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)

SHAPES: dict[str, Serve] = {
    "a length": answering(HEAD + LENGTH + BODY),
    "a length, and the connection stays open": answering(HEAD + LENGTH + BODY, keep_open=True),
    "closed at the end": answering(HEAD + b"\r\n" + BODY),
    "in pieces": answering(*[bytes([byte]) for byte in HEAD + LENGTH + BODY]),
    "chunked": answering(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"5;x=y\r\n" + BODY[:5] + b"\r\n",
        b"%x\r\n" % len(BODY[5:]) + BODY[5:] + b"\r\n0\r\n\r\n", keep_open=True,
    ),
    "HTTP/1.0": answering(b"HTTP/1.0 200 OK\r\n\r\n" + BODY),
    "other spellings": answering(b"HTTP/1.1 200\r\ncontent-LENGTH:%d \r\n\r\n" % len(BODY) + BODY + b"more"),
}  # fmt: skip


@pytest.mark.parametrize("serve", SHAPES.values(), ids=SHAPES.keys())
def test_good_answers(serve: Serve) -> None:
    found = counts(serve, target(connections="connections", second="rooms.open.1"))
    assert found == {"connections": 3, "second": 7}


def test_a_count_beyond_reason_can_still_be_passed_on() -> None:
    body = b'{"a": %d, "b": -%d, "c": %d}' % (1 << 70, 1 << 70, (1 << 53) - 1)
    found = counts(answering(HEAD + b"\r\n" + body), target(a="a", b="b", c="c"))
    assert found == {"a": 1 << 53, "b": -(1 << 53), "c": (1 << 53) - 1}


def test_one_url_is_asked_once_and_politely() -> None:
    seen: list[bytes] = []
    counts(answering(HEAD + LENGTH + BODY, seen=seen), target(a="connections", b="rooms.open.0"))
    [request] = seen
    lines = request.decode().split("\r\n")
    assert lines[0] == "GET /stats?all=1 HTTP/1.1"
    assert "Connection: close" in lines
    assert any(line.startswith("Host: 127.0.0.1:") for line in lines)


def test_without_counts_nothing_is_asked() -> None:
    seen: list[bytes] = []
    assert counts(answering(seen=seen), target()) == {}
    assert seen == []


GET = "probe.connections: GET http://127.0.0.1:PORT/stats?all=1: "
BAD: dict[str, tuple[Serve, str]] = {
    "status": (answering(b"HTTP/1.1 404 No\r\n\r\n"), "status 404, expected 200"),
    "not JSON": (answering(HEAD + b"\r\n<html>"), "the answer is not JSON: b'<html>'"),
    "deep": (answering(HEAD + b"\r\n" + b"[" * 99_999), f"the answer is not JSON: {b'[' * 40!r}"),
    "no HTTP": (answering(b"SSH-2.0-OpenSSH\r\n"), "the answer is not HTTP: b'SSH-2.0-OpenSSH\\r\\n'"),
    "an endless status": (
        answering(b"HTTP/1.1 " + b"2" * 5_000 + b" OK\r\n\r\n" + BODY),
        f"the answer is not HTTP: {b'HTTP/1.1 ' + b'2' * 31!r}",
    ),
    "an endless length": (
        answering(HEAD + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n" + BODY, keep_open=True),
        "the length of the answer has 5000 digits",
    ),
    "nothing": (answering(), "the connection was closed without an answer"),
    "half": (answering(HEAD + LENGTH + BODY[:9]), f"the answer was cut off after 9 of {len(BODY)} bytes"),
    "half a chunk": (
        answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\nabc"),
        "the answer was cut off in the middle of its chunks",
    ),
    "no chunk": (
        answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc"),
        "the answer was cut off in the middle of its chunks",
    ),
    "endless": (answering(HEAD + b"\r\n", *[b"x" * 1_000_000] * 5), "the answer is longer than 4000000 bytes"),
    "silent": (answering(HEAD, keep_open=True), "no whole answer within 2 s"),
    "text": (
        answering(HEAD + b"\r\n" + b'{"connections": "3"}'),
        "found \"3\" at path 'connections', expected a whole number",
    ),
    "true": (
        answering(HEAD + b"\r\n" + b'{"connections": true}'),
        "found true at path 'connections', expected a whole number",
    ),
    "float": (
        answering(HEAD + b"\r\n" + b'{"connections": 1.5}'),
        "found 1.5 at path 'connections', expected a whole number",
    ),
    "absent": (answering(HEAD + b"\r\n" + b'{"connection": 1}'), "nothing lies at path 'connections'"),
}


@pytest.mark.parametrize(("serve", "line"), BAD.values(), ids=BAD.keys())
def test_bad_answers(serve: Serve, line: str) -> None:
    assert trouble(serve) == GET + line


def test_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(ProbeError) as caught:
            trio.run(read_counts, target(c="c"), port)
    assert str(caught.value) == f"probe.c: GET http://127.0.0.1:{port}/stats?all=1: the connection was refused"


def test_a_name_that_is_no_host() -> None:
    async def ask() -> None:
        await get("http://no-such-host.invalid:1/")

    with pytest.raises(NoAnswer) as caught:
        trio.run(ask)
    assert "\n" not in str(caught.value)


def test_being_cancelled_is_no_answer_of_the_server() -> None:
    async def ask(port: int) -> object:
        with trio.move_on_after(0.05) as scope:
            await get(f"http://127.0.0.1:{port}/", timeout=30)
        return scope.cancelled_caught

    assert trio.run(against, answering(keep_open=True), ask) is True
