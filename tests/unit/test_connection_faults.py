"""Every fault, as the other end of a plain socket sees it."""

from __future__ import annotations

import select
import socket
import threading

import pytest
import trio
from hostile import PATIENCE, Client, Peer, close, frame, play

from fuzzer.driver import frames
from fuzzer.driver.connection import FuzzConn

OPEN = [("opened",)]


@pytest.mark.parametrize(("how", "seen"), [("reset", "reset"), ("fin", "fin")])
def test_a_drop_is_seen_as_what_it_is_and_reports_nothing_of_the_server_any_more(how, seen):
    def script(peer: Peer) -> tuple[str, bytes]:
        peer.upgrade()
        return peer.ending(), peer.unread

    async def client(side: Client) -> None:
        conn = await side.open()
        conn.drop(how)
        assert side.record.of("c") == [*OPEN, ("tcp_closed",)]
        conn.drop(how)
        conn.dispose()
        await conn.finish(1)
        assert side.record.of("c") == [*OPEN, ("tcp_closed",)]

    assert play(script, client).results == [(seen, b"")]


def test_a_fin_is_a_fin_even_if_bytes_of_the_server_were_never_read():
    sent = threading.Event()

    def script(peer: Peer) -> str:
        peer.upgrade()
        peer.send(frame(frames.TEXT, b"x" * 100_000))
        sent.set()
        return peer.ending()

    async def client(side: Client) -> None:
        conn = await side.connect()
        conn.stall()
        conn.release()
        await trio.to_thread.run_sync(sent.wait, PATIENCE)
        conn.drop("fin")

    assert play(script, client).results == ["fin"]


@pytest.mark.parametrize("how", ["reset", "fin"])
def test_half_a_request_is_half_of_the_bytes_and_the_end_comes_with_the_release(how):
    arrived = threading.Event()

    def script(peer: Peer) -> tuple[str, bytes, str]:
        peer.take(40)
        arrived.set()
        first = peer.unread
        return peer.ending(), peer.unread, first.decode()

    async def client(side: Client) -> None:
        conn = await side.connect(abandon="half-request", how=how)
        await trio.to_thread.run_sync(arrived.wait, PATIENCE)
        assert side.record.events == []
        conn.release()
        assert side.record.of("c") == [("tcp_closed",)]
        assert await conn.settle(0)

    ((seen, rest, first),) = play(script, client).results
    assert (seen, b"\r\n\r\n" in rest) == (how, False)
    assert rest.decode() == first


@pytest.mark.parametrize("how", ["reset", "fin"])
def test_gone_before_the_101_the_request_is_whole(how):
    def script(peer: Peer) -> tuple[str, bytes]:
        request = peer.read_request()
        return peer.ending(), request[:5]

    async def client(side: Client) -> None:
        conn = await side.connect(abandon="before-101", how=how)
        conn.release()
        assert side.record.of("c") == [("tcp_closed",)]

    assert play(script, client).results == [(how, b"GET /")]


@pytest.mark.parametrize("how", ["reset", "fin"])
def test_gone_after_the_101_no_frame_is_read(how):
    def script(peer: Peer) -> tuple[str, bytes]:
        peer.upgrade(glued=frame(frames.TEXT, b"welcome") + close(1000))
        return peer.ending(), peer.unread

    async def client(side: Client) -> None:
        await side.open(abandon="after-101", how=how)
        await side.record.until("tcp_closed")
        assert side.record.of("c") == [*OPEN, ("tcp_closed",)]

    assert play(script, client).results == [(how, b"")]


def test_a_vanished_peer_keeps_its_socket_and_says_and_reads_nothing_until_disposed():
    vanished = threading.Event()
    looked = threading.Event()

    def script(peer: Peer) -> tuple[bool, str, bytes]:
        peer.upgrade()
        vanished.wait(PATIENCE)
        peer.send(frame(frames.PING, b"?") + frame(frames.TEXT, b"hello?"))
        silent = not select.select([peer.sock], [], [], 0.2)[0]
        looked.set()
        return silent, peer.ending(), peer.unread

    async def client(side: Client) -> None:
        conn = await side.open()
        conn.drop("vanish")
        vanished.set()
        await conn.prepare_text(["from beyond"])
        conn.resume()
        conn.release()
        assert not conn.ping(b"")
        await conn.finish(PATIENCE)
        await trio.to_thread.run_sync(looked.wait, PATIENCE)
        assert side.record.of("c") == OPEN
        conn.dispose()
        assert side.record.of("c") == [*OPEN, ("tcp_closed",)]

    assert play(script, client).results == [(True, "fin", b"")]


def test_a_mute_peer_reads_but_never_answers_a_ping():
    def script(peer: Peer) -> tuple[int, bytes]:
        peer.upgrade()
        assert peer.read_frame() == (0x81, b"now mute")
        peer.send(frame(frames.PING, b"1") + frame(frames.TEXT, b"read") + frame(frames.PING, b"2"))
        return peer.read_frame()

    async def client(side: Client) -> None:
        conn = await side.open()
        conn.mute()
        await conn.prepare_text(["now mute"])
        conn.release()
        await side.record.until("frame")
        await conn.prepare_text(["bye"])
        conn.release()
        await side.record.until("server_eof")

    assert play(script, client).results == [(0x81, b"bye")]


MESSAGE = frame(frames.TEXT, b"x" * 9_997)


def test_a_stall_blocks_the_servers_writer_and_a_resume_delivers_everything():
    blocked = threading.Event()
    total: list[int] = []

    def script(peer: Peer) -> tuple[int, bytes]:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        peer.upgrade()
        assert peer.read_frame() == (0x81, b"stalled")
        peer.send(frame(frames.PING, b"first"))
        total.append(_write_until_blocked(peer.sock))
        blocked.set()
        peer.send(MESSAGE[total[0] % len(MESSAGE) :] + frame(frames.TEXT, b"last"))
        return peer.read_frame()

    async def client(side: Client) -> None:
        conn = await side.open(small_buffers=True)
        conn.stall()
        assert conn.stalled
        await conn.prepare_text(["stalled"])
        conn.release()
        await trio.to_thread.run_sync(blocked.wait, PATIENCE)
        assert side.record.of("c") == OPEN
        conn.resume()
        assert not conn.stalled
        await side.record.until("server_eof")
        *many, last = side.record.frames()
        assert last == "last"
        assert set(many) == {"x" * 9_997}
        assert len(many) == total[0] // len(MESSAGE) + 1

    assert play(script, client).results == [(0x8A, b"first")]
    assert 0 < total[0] < 2_000_000


def _write_until_blocked(sock: socket.socket) -> int:
    """Bytes taken before the socket stayed unwritable for a while: whole messages and a part of one."""
    sock.setblocking(False)
    sent = 0
    while select.select([], [sock], [], 0.3)[1]:
        sent += sock.send(MESSAGE[sent % len(MESSAGE) :])
    sock.settimeout(PATIENCE)
    return sent


def test_a_reset_that_a_write_met_first_is_still_a_reset_and_what_came_before_is_read():
    gone = threading.Event()

    def script(peer: Peer) -> None:
        peer.upgrade()
        assert peer.read_frame() == (0x81, b"stalled")
        peer.send(frame(frames.TEXT, b"last words"))
        peer.reset()
        gone.set()

    async def client(side: Client) -> None:
        conn = await side.open()
        conn.stall()
        await conn.prepare_text(["stalled"])
        conn.release()
        await trio.to_thread.run_sync(gone.wait, PATIENCE)
        await conn.prepare_text(["into the void", "x" * 1_000_000])
        conn.release()
        assert not conn.write_blocked
        conn.resume()
        await side.record.until("tcp_closed")
        assert side.record.of("c") == [*OPEN, ("frame", "last words"), ("server_reset",), ("tcp_closed",)]

    play(script, client)


async def _leave_unread(conn: FuzzConn) -> None:
    conn.stall()


async def _leave_blocked(conn: FuzzConn) -> None:
    await conn.prepare_text(["x" * 20_000_000])
    assert conn.write_blocked


async def _leave_half_closed(conn: FuzzConn) -> None:
    await conn.prepare_close(1000, "")


async def _leave_at_peace(conn: FuzzConn) -> None:
    assert conn.is_open


@pytest.mark.parametrize("leave", [_leave_unread, _leave_blocked, _leave_half_closed, _leave_at_peace])
def test_disposing_leaves_no_task_and_no_socket_in_any_state(leave):
    disposed = threading.Event()

    def script(peer: Peer) -> str:
        peer.upgrade()
        disposed.wait(PATIENCE)
        return peer.ending()

    async def client(side: Client) -> None:
        conn = await side.open()
        await leave(conn)
        conn.dispose()
        conn.dispose()
        disposed.set()
        assert side.record.of("c") == [*OPEN, ("tcp_closed",)]
        assert await conn.settle(0)
        assert conn.ended

    assert play(script, client).results == ["fin"]


def test_disposing_before_the_release_decides_the_handshake():
    def script(peer: Peer) -> str:
        return peer.ending()

    async def client(side: Client) -> None:
        conn = await side.connect()
        assert not await conn.settle(0)
        conn.dispose()
        assert await conn.settle(0)
        assert side.record.of("c") == [("tcp_closed",)]

    assert play(script, client).results == ["fin"]
