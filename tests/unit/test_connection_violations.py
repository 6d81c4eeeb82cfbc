"""Hazard H6: what RFC 6455 forbids a server is told apart from a Close frame, and nothing else is called forbidden."""

from __future__ import annotations

import struct

import pytest
from hostile import Client, Peer, close, frame, play

from fuzzer.driver import frames

OPEN = [("opened",)]


BAD = {
    "reserved opcode": frame(3, b"x"),
    "rsv bit": frame(1, b"x", rsv=4),
    "masked": frames.frame(1, b"x"),
    "fragmented ping": frame(9, b"x", fin=False),
    "long ping": frame(9, b"x" * 126),
    "orphan continuation": frame(0, b"x"),
    "text inside a text": frame(1, b"x", fin=False) + frame(1, b"y"),
    "long length form": b"\x81\x7e\x00\x01x",
    "top bit of the length": b"\x81\x7f\x80" + bytes(7),
    "utf-8": frame(1, b"\xff"),
    "close of one byte": frame(8, b"\x03"),
    "close reason": close(1000, b"\xff"),
    "close 999": close(999),
    "close 1005": close(1005),
    "close 1006": close(1006),
    "close 1015": close(1015),
}


@pytest.mark.parametrize("kind", BAD)
def test_h6_forbidden_bytes_are_not_taken_for_a_close_of_the_server(kind):
    def script(peer: Peer) -> tuple[int, bytes, str]:
        peer.upgrade()
        peer.send(frame(1, b"before") + BAD[kind])
        return *peer.read_frame(), peer.ending()

    async def client(side: Client) -> None:
        await side.open()
        (detail,) = await side.record.until("server_bad")
        assert detail
        assert side.record.of("c") == [*OPEN, ("frame", "before"), ("server_bad", detail), ("tcp_closed",)]

    code = 1007 if kind in ("utf-8", "close reason") else 1002
    assert play(script, client).results == [(0x88, struct.pack("!H", code), "fin")]


@pytest.mark.parametrize("code", [1000, 1002, 1004, 1007, 1011, 1014, 1016, 2999, 3000, 4999, 5000])
def test_h6_a_close_frame_with_a_code_that_the_rfc_does_not_forbid_is_a_close(code):
    def script(peer: Peer) -> tuple[int, bytes]:
        peer.upgrade(glued=close(code, b"why \xc3\xa4"))
        return peer.read_frame()

    async def client(side: Client) -> None:
        await side.open()
        await side.record.until("tcp_closed")
        assert side.record.of("c") == [*OPEN, ("server_closed", code, "why ä"), ("tcp_closed",)]

    assert play(script, client).results == [(0x88, struct.pack("!H", code))]


@pytest.mark.parametrize("apart", [False, True], ids=["one-segment", "after-our-answer"])
@pytest.mark.parametrize("unfinished", [b"", frame(1, b"part", fin=False)], ids=["between", "within-a-message"])
def test_a_message_behind_a_close_is_told_behind_it(apart, unfinished):
    def script(peer: Peer) -> None:
        peer.upgrade(glued=unfinished + close(1000) + (b"" if apart else frame(1, b"behind")))
        peer.read_frame()
        peer.send(frame(1, b"behind") if apart else b"")

    async def client(side: Client) -> None:
        await side.open()
        await side.record.until("tcp_closed")
        ends = [("server_closed", 1000, ""), ("frame", "behind"), ("tcp_closed",)]
        assert side.record.of("c") == [*OPEN, *ends]

    play(script, client)


def test_what_comes_behind_forbidden_bytes_is_not_read():
    def script(peer: Peer) -> None:
        peer.upgrade(glued=close(1005) + frame(1, b"behind"))
        peer.read_frame()

    async def client(side: Client) -> None:
        await side.open()
        await side.record.until("tcp_closed")
        assert [what for what, *_ in side.record.of("c")] == ["opened", "server_bad", "tcp_closed"]

    play(script, client)


def test_h6_a_close_frame_without_a_code_is_1005_and_answered_without_a_code():
    def script(peer: Peer) -> tuple[int, bytes]:
        peer.upgrade(glued=frame(8))
        return peer.read_frame()

    async def client(side: Client) -> None:
        await side.open()
        await side.record.until("tcp_closed")
        assert side.record.of("c") == [*OPEN, ("server_closed", 1005, ""), ("tcp_closed",)]

    assert play(script, client).results == [(0x88, b"")]
