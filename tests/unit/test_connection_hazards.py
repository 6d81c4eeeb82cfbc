"""The known hazards H4, H5 and H7 to H14 of the library beneath, once a connection is open."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import trio
from hostile import Client, Peer, close, frame, nothing_left, play

from fuzzer.driver import frames

OPEN = [("opened",)]


def test_h4_a_ping_never_waits_even_if_the_connection_dies():
    def script(peer: Peer) -> tuple[int, bytes]:
        peer.upgrade()
        seen = peer.read_frame()
        peer.reset()
        return seen

    async def client(side: Client) -> None:
        conn = await side.open()
        assert conn.ping(b"anybody?")
        await side.record.until("tcp_closed")
        assert side.record.of("c") == [*OPEN, ("server_reset",), ("tcp_closed",)]
        assert not conn.ping(b"still there?")

    assert play(script, client).results == [(0x89, b"anybody?")]


def test_h5_a_ping_after_our_close_is_neither_answered_nor_an_error():
    def script(peer: Peer) -> tuple[bytes, str, bytes]:
        peer.upgrade()
        opcode, payload = peer.read_frame()
        assert opcode == 0x88
        peer.send(frame(frames.PING, b"late") + frame(frames.TEXT, b"in flight") + close(1000))
        return payload, peer.ending(), peer.unread

    async def client(side: Client) -> None:
        conn = await side.open()
        await conn.prepare_close(1000, "")
        conn.release()
        await conn.finish(5)
        assert side.record.of("c") == [*OPEN, ("frame", "in flight"), ("server_closed", 1000, ""), ("tcp_closed",)]

    assert play(script, client).results == [(b"\x03\xe8", "fin", b"")]


def test_h7_after_a_close_of_the_server_our_socket_is_closed_even_if_the_server_keeps_its_own():
    def script(peer: Peer) -> str:
        peer.upgrade()
        peer.send(close(1001))
        return peer.ending()

    async def client(side: Client) -> None:
        conn = await side.open()
        await side.record.until("tcp_closed")
        with nothing_left():
            conn.dispose()
            await conn.aclose()
        assert side.record.of("c") == [*OPEN, ("server_closed", 1001, ""), ("tcp_closed",)]

    assert play(script, client).results == ["fin"]


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_h7_after_an_end_without_a_close_frame_our_socket_is_closed(how):
    def script(peer: Peer) -> None:
        peer.upgrade(glued=frame(1, b"last words"))
        if how == "reset":
            threading.Event().wait(0.1)  # a reset overtakes what the client has not read
            peer.reset()

    async def client(side: Client) -> None:
        await side.open()
        await side.record.until("tcp_closed")
        end = "server_eof" if how == "fin" else "server_reset"
        assert side.record.of("c") == [*OPEN, ("frame", "last words"), (end,), ("tcp_closed",)]

    play(script, client)


def test_h7_a_message_of_twenty_megabytes_is_a_message():
    payload = b"0123456789" * 2_000_000

    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.send(frame(frames.BINARY, payload) + close(1000))
        peer.ending()

    async def client(side: Client) -> None:
        await side.open()
        await side.record.until("tcp_closed")
        assert side.record.frames() == [payload]

    play(script, client)


def test_h8_what_was_in_flight_when_we_closed_is_delivered():
    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.read_frame()
        for number in range(50):
            peer.send(frame(frames.TEXT, b"m%d" % number))
        peer.send(close(4002))
        peer.ending()

    async def client(side: Client) -> None:
        conn = await side.open()
        await conn.prepare_close(4002, "x")
        conn.release()
        await conn.finish(5)
        assert side.record.frames() == [f"m{number}" for number in range(50)]
        assert side.record.of("c")[-2:] == [("server_closed", 4002, ""), ("tcp_closed",)]

    play(script, client)


def test_h9_no_queue_can_fill_so_a_ping_behind_thousands_of_messages_is_answered():
    def script(peer: Peer) -> tuple[int, bytes]:
        peer.upgrade()
        peer.send(b"".join(frame(frames.TEXT, b"%d" % number) for number in range(5000)) + frame(frames.PING, b"?"))
        return peer.read_frame()

    async def client(side: Client) -> None:
        await side.open()
        await side.record.until("server_eof")
        assert side.record.frames() == [str(number) for number in range(5000)]

    assert play(script, client).results == [(0x8A, b"?")]


def test_h10_a_cancelled_write_leaves_no_half_frame():
    may_read = threading.Event()

    def script(peer: Peer) -> list[int]:
        peer.upgrade()
        may_read.wait(10)
        return [len(peer.read_frame()[1]), len(peer.read_frame()[1])]

    async def client(side: Client) -> None:
        conn = await side.open()
        with trio.CancelScope() as scope:
            scope.cancel()
            await conn.prepare_text(["x" * 5_000_000])
        conn.release()
        assert conn.write_blocked
        await conn.prepare_text(["next"])
        conn.release()
        may_read.set()
        await side.record.until("server_eof")
        assert [event for event in side.record.events if event[0] == "flushed"] == [("flushed", "c")] * 2, (
            "the opening, and then both together: which of them has been taken is not known before"
        )

    assert play(script, client).results == [[5_000_000, 4]]


def test_h11_closing_towards_a_silent_server_is_bounded_and_closes_the_socket():
    def script(peer: Peer) -> tuple[bytes, str]:
        peer.upgrade()
        return peer.read_frame()[1], peer.ending()

    async def client(side: Client) -> None:
        conn = await side.open()
        await conn.prepare_close(4000, "hello?")
        conn.release()
        await conn.finish(0.05)
        assert side.record.of("c") == [*OPEN, ("tcp_closed",)]

    assert play(script, client).results == [(b"\x0f\xa0hello?", "fin")]


def test_h12_sending_after_our_close_is_no_error_and_writes_nothing():
    def script(peer: Peer) -> tuple[bytes, str, bytes]:
        peer.upgrade()
        return peer.read_frame()[1], peer.ending(), peer.unread

    async def client(side: Client) -> None:
        conn = await side.open()
        await conn.prepare_close(1000, "")
        conn.release()
        await conn.prepare_text(["too late"])
        await conn.prepare_close(1001, "")
        conn.release()
        assert not conn.is_open
        await conn.finish(0.05)
        await conn.prepare_raw(b"far too late")
        conn.release()

    assert play(script, client).results == [(b"\x03\xe8", "fin", b"")]


def test_h14_a_reset_leaves_no_time_wait_on_our_side():
    ports = []

    def script(peer: Peer) -> str:
        ports.append(peer.sock.getpeername()[1])
        peer.upgrade()
        return peer.ending()

    async def client(side: Client) -> None:
        (await side.open("reset")).drop("reset")
        (await side.open("fin")).drop("fin")

    assert sorted(play(script, client).results) == ["fin", "reset"]
    assert [_is_in_time_wait(port) for port in ports] == [False, True]


def _is_in_time_wait(local_port: int) -> bool:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{local_port:04X}") and row[3] == "06" for row in rows)
