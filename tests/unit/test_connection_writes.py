"""Two-phase writes and raw frames: exactly these bytes, exactly then."""

from __future__ import annotations

import json
import struct
import threading
from typing import Any, get_args

import pytest
import trio
from hostile import PATIENCE, Client, Endpoint, Peer, frame, is_silent, play
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection, Message

from fuzzer.driver import frames
from fuzzer.plan import MalformedKind


def test_the_request_is_complete_only_with_the_release():
    looked = threading.Event()

    def script(peer: Peer) -> tuple[bool, bytes]:
        while not peer.unread.endswith(b"\r\n\r"):
            peer.unread += peer.sock.recv(65_536)
        silent = is_silent(peer)
        looked.set()
        return silent, peer.sock.recv(10)

    async def client(side: Client) -> None:
        conn = await side.connect()
        await trio.to_thread.run_sync(looked.wait, PATIENCE)
        conn.release()
        await side.record.until("tcp_closed")

    assert play(script, client).results == [(True, b"\n")]


def test_headers_subprotocols_and_host_are_in_the_request_and_glued_frames_are_read():
    def script(peer: Peer) -> bytes:
        peer.upgrade(extra=b"Sec-WebSocket-Protocol: b\r\n", glued=frame(frames.TEXT, b"at once"))
        return peer.request

    async def client(side: Client) -> None:
        await side.open()
        await side.record.until("server_eof")
        assert side.record.frames() == ["at once"]

    extra = {"headers": (("Authorization", "Bearer x.y.z"),), "subprotocols": ("a", "b"), "resource": "/ws?token=1"}
    server = play(script, client, **extra)
    lines = server.results[0].split(b"\r\n")
    assert lines[0] == b"GET /ws?token=1 HTTP/1.1"
    host = b"Host: 127.0.0.1:%d" % server.endpoint.port
    assert {host, b"Authorization: Bearer x.y.z", b"Sec-WebSocket-Protocol: a, b"} <= set(lines)


@pytest.mark.parametrize("bad", [{"resource": "/\xe4"}, {"headers": (("X", "a\nb"),)}, {"headers": (("Host", "x"),)}])
def test_a_request_that_cannot_be_written_is_one_clear_line_before_any_connection(bad):
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            side = Client(Endpoint(port=1, **bad), nursery, None)  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="cannot be written: ") as caught:
                await side.connect()
            assert "\n" not in str(caught.value)

    trio.run(main)


def test_an_interim_response_before_the_101_is_no_rejection():
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        peer.unread = peer.request + b"\r\n\r\n"
        peer.upgrade()

    async def client(side: Client) -> None:
        await side.open()
        await side.record.until("tcp_closed")
        assert side.record.of("c") == [("opened",), ("server_eof",), ("tcp_closed",)]

    play(script, client)


def test_the_last_byte_of_the_first_frame_and_all_that_follows_waits_for_the_release():
    looked = threading.Event()

    def script(peer: Peer) -> tuple[bytes, bool, list[bytes]]:
        peer.upgrade()
        early = peer.take(6 + 3)
        silent = is_silent(peer)
        looked.set()
        peer.unread = early + peer.unread
        return early[:2], silent, [peer.read_frame()[1] for _ in range(3)]

    async def client(side: Client) -> None:
        conn = await side.open()
        await conn.prepare_text(["four", "two", "é"])
        await trio.to_thread.run_sync(looked.wait, PATIENCE)
        conn.release()
        await side.record.until("server_eof")

    assert play(script, client).results == [(b"\x81\x84", True, [b"four", b"two", "é".encode()])]


def test_a_pong_is_not_spliced_into_a_withheld_frame():
    def script(peer: Peer) -> list[tuple[int, bytes]]:
        peer.upgrade()
        peer.take(6 + 7)
        peer.send(frame(frames.PING, b"?") + frame(frames.TEXT, b"ping was read"))
        silent = is_silent(peer)
        peer.send(frame(frames.TEXT, b"release"))
        return [silent, (peer.take(1)), peer.read_frame()]

    async def client(side: Client) -> None:
        conn = await side.open()
        await conn.prepare_text(["withheld"])
        assert not conn.ping(b"not now")
        await side.record.until("frame", count=2)
        conn.release()
        await side.record.until("server_eof")

    ((silent, last, pong),) = play(script, client).results
    assert silent
    assert len(last) == 1
    assert pong == (0x8A, b"?")


def test_what_the_kernel_does_not_take_goes_on_in_the_background():
    may_read = threading.Event()

    def script(peer: Peer) -> list[int]:
        peer.upgrade()
        may_read.wait(PATIENCE)
        return [len(peer.read_frame()[1]) for _ in range(2)]

    async def client(side: Client) -> None:
        conn = await side.open()
        await conn.prepare_text(["first"])
        await conn.prepare_raw(frames.text("x" * 8_000_000))
        before = side.record.events.count(("flushed", "c"))
        conn.release()
        assert conn.write_blocked
        assert not conn.ping(b"not now")
        assert side.record.events.count(("flushed", "c")) == before
        may_read.set()
        await side.record.until("server_eof")
        assert not conn.write_blocked
        assert side.record.events.count(("flushed", "c")) == before + 1

    assert play(script, client).results == [[5, 8_000_000]]


@pytest.mark.parametrize("code", [0, 999, 1000, 1001, 1006, 1015, 3999, 4999, 65_535])
def test_a_close_code_is_sent_exactly_and_the_reason_is_cut_between_characters(code):
    assert _sent_close(code, "x" + "é" * 100) == struct.pack("!H", code) + b"x" + "é".encode() * 61


def test_1005_is_a_close_without_a_code():
    assert _sent_close(1005, "never sent") == b""


def _sent_close(code: int, reason: str) -> bytes:
    def script(peer: Peer) -> tuple[int, bytes]:
        peer.upgrade()
        return peer.read_frame()

    async def client(side: Client) -> None:
        conn = await side.open()
        await conn.prepare_close(code, reason)
        assert not conn.is_open
        conn.release()
        await conn.finish(PATIENCE)

    ((first, payload),) = play(script, client).results
    assert first == 0x88
    return payload


FORBIDDEN = {
    "unmasked": "unmasked",
    "rsv-bit": "Reserved bit",
    "reserved-opcode": "Invalid opcode 0x3",
    "bad-utf8": "utf-8",
    "orphan-continuation": "unexpected CONTINUATION",
    "long-ping": "payload len > 125",
    "huge-length": "non-zero MSB",
}


LEGAL_FRAMES = ("not-json", "not-a-command", "oversize")  # what they break is the hub's own protocol, or its limit


@pytest.mark.parametrize("kind", get_args(MalformedKind))
def test_malformed_bytes_arrive_as_they_are_and_break_the_rule_that_they_are_named_after(kind):
    raw = frames.malformed_frame(kind, max_size=2_000)

    def script(peer: Peer) -> bytes:
        peer.upgrade()
        return peer.take(len(raw))

    async def client(side: Client) -> None:
        conn = await side.open()
        await conn.prepare_raw(raw)
        conn.release()
        await side.record.until("server_eof")

    assert play(script, client).results == [raw]
    server = Connection(ConnectionType.SERVER)
    server.receive_data(raw)
    (event,) = server.events()
    if kind in LEGAL_FRAMES:
        assert isinstance(event, Message)
    else:
        assert isinstance(event, CloseConnection)
        assert FORBIDDEN[kind] in str(event.reason)


def test_not_a_command_is_a_json_object_and_oversize_is_one_above_the_declared_size():
    assert isinstance(_json_of("not-a-command", 0), dict)
    assert 5_000 < len(_json_of("oversize", 5_000)["x"]) < 8_000


def _json_of(kind: str, max_size: int) -> Any:
    server = Connection(ConnectionType.SERVER)
    server.receive_data(frames.malformed_frame(kind, max_size))
    return json.loads("".join(str(event.data) for event in server.events() if isinstance(event, Message)))


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 200_003])
def test_text_frames_are_what_another_parser_reads(length):
    text = ("aé" * length)[:length]
    server = Connection(ConnectionType.SERVER)
    server.receive_data(frames.text(text))
    assert "".join(str(event.data) for event in server.events() if isinstance(event, Message)) == text
