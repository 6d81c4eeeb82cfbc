"""The known hazards H1 to H3 and H13 of the library beneath, in the opening handshake: hangs, dead nurseries."""

from __future__ import annotations

import pytest
from hostile import Client, Endpoint, Peer, drive, frame, nothing_left, play

from fuzzer.driver import frames

OPEN = [("opened",)]


def read_then_fin(peer: Peer) -> None:
    peer.read_request()


def read_then_reset(peer: Peer) -> None:
    peer.read_request()
    peer.reset()


def half_an_answer(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 101 Switching Pro")


@pytest.mark.parametrize(
    ("script", "by"), [(read_then_fin, "eof"), (read_then_reset, "reset"), (half_an_answer, "eof")]
)
def test_h1_a_server_that_ends_before_the_101_decides_the_handshake(script, by):
    async def client(side: Client) -> None:
        await side.open()
        assert side.record.of("c") == [("rejected", by, None, ""), ("tcp_closed",)]

    play(script, client)


@pytest.mark.parametrize("head", [b"Content-Length: 400\r\n", b""])
def test_h1_a_truncated_or_close_delimited_rejection_is_a_rejection_by_status(head):
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 401 Unauthorized\r\n" + head + b"\r\nno entry\n")

    async def client(side: Client) -> None:
        await side.open()
        assert side.record.of("c") == [("rejected", "status", 401, "no entry"), ("tcp_closed",)]

    play(script, client)


def test_h1_a_rejection_whose_body_never_ends_is_decided_all_the_same():
    def script(peer: Peer) -> str:
        peer.read_request()
        peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 400\r\n\r\nno")
        return peer.ending()

    async def client(side: Client) -> None:
        await side.open()
        assert side.record.of("c") == [("rejected", "status", 403, "no"), ("tcp_closed",)]

    assert play(script, client).results == ["fin"]


def test_h2_a_rejection_leaves_the_other_connections_of_the_nursery_alone():
    def script(peer: Peer) -> str:
        if b"GET /no" in peer.read_request():
            peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 300\r\n\r\n" + b"x" * 300)
            return peer.ending()
        peer.unread = peer.request + b"\r\n\r\n" + peer.unread
        peer.upgrade()
        peer.send(frame(frames.TEXT, b"still here"))
        return peer.ending()

    async def client(side: Client) -> None:
        await side.open("good")
        await side.open("bad", endpoint=Endpoint(port=side.endpoint.port, resource="/no"))
        await side.record.until("frame", "good")
        assert side.record.of("good") == [*OPEN, ("frame", "still here")]
        assert side.record.of("bad") == [("rejected", "status", 403, "x" * 200), ("tcp_closed",)]

    play(script, client)


ACCEPT = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@pytest.mark.parametrize(
    ("answer", "telling"),
    [
        (ACCEPT + b"Sec-WebSocket-Accept: bm9wZQ==\r\n\r\n", "Bad accept token"),
        (ACCEPT + b"Sec-WebSocket-Accept: {key}\r\nSec-WebSocket-Protocol: nobody\r\n\r\n", "subprotocol nobody"),
        (ACCEPT + b"Sec-WebSocket-Accept: {key}\r\nSec-WebSocket-Extensions: x-y\r\n\r\n", "extension x-y"),
        (b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {key}\r\n\r\n", "Missing header"),
        (ACCEPT.replace(b"Upgrade\r\n", b"Upgr\xe4de\r\n", 1) + b"\r\n", ""),
        (b"\x16\x03\x01 garbage \xff\r\n\r\n", "illegal status line"),
        (ACCEPT + b"X: " + b"y" * 100_000 + b"\r\n\r\n", "buffer too long"),
    ],
)
def test_h3_an_invalid_answer_is_a_rejection_that_says_what_is_wrong(answer, telling):
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer.replace(b"{key}", peer.accept_key()))
        peer.ending()

    async def client(side: Client) -> None:
        conn = await side.open()
        (_, by, code, reason), closed = side.record.of("c")
        assert (by, code, closed) == ("invalid", None, ("tcp_closed",))
        assert telling in reason
        assert "\n" not in reason
        assert conn.ended
        assert not conn.is_open

    play(script, client)


def test_h13_a_refused_tcp_connection_is_a_report_and_not_an_exception():
    async def client(side: Client) -> None:
        conn = await side.connect()
        conn.release()
        assert await conn.settle(1)
        assert conn.ended
        assert side.record.of("c") == [("rejected", "reset", None, "no TCP connection: Connection refused")]

    with nothing_left():
        drive(Endpoint(port=1), client)
