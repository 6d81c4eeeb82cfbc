"""Whatever a server sends stays with its connection; a fault of the listener never becomes one of the server."""

from __future__ import annotations

import inspect

import pytest
import trio
import trio.testing
import wsproto
from hostile import Client, Peer, frame, play
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from trio_websocket import WebSocketConnection
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection, ConnectionState
from wsproto.frame_protocol import LOCAL_ONLY_CLOSE_REASONS

from fuzzer.driver import frames
from fuzzer.driver.connection import FuzzConn
from fuzzer.driver.reader import ContainedConnection
from fuzzer.driver.sink import SinkError

FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
ENDS = ("server_closed", "server_bad", "server_eof", "server_reset")
PIECES = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.builds(
            lambda opcode, payload, fin, rsv, masked: frames.frame(opcode, payload, fin=fin, rsv=rsv, masked=masked),
            st.integers(0, 15),
            st.binary(max_size=140),
            st.booleans(),
            st.sampled_from([0, 0, 0, 0, 4, 1]),
            st.sampled_from([False, False, False, False, True]),
        ),
    ),
    max_size=8,
).map(b"".join)
HEADS = st.sampled_from(
    [
        b"",
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.0 400 Bad\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/9.9 -1 \r\n\r\n",
    ]
)


@FEW
@given(PIECES)
@example(frames.frame(frames.CLOSE, b"") + frames.frame(frames.TEXT, b""))
def test_any_bytes_after_the_101_end_in_one_report_and_a_closed_socket(data):
    def script(peer: Peer) -> None:
        peer.upgrade(glued=data)

    async def client(side: Client) -> None:
        await side.open()
        await side.record.until("tcp_closed")
        opened, *reports, closed = (event[0] for event in side.record.of("c"))
        assert (opened, closed) == ("opened", "tcp_closed")
        assert len([report for report in reports if report in ENDS]) == 1
        assert set(reports) <= {"frame", "pong", *ENDS}
        assert reports[-1] in ENDS or "server_closed" in reports, "data behind a Close is told, too"

    play(script, client)


@FEW
@given(HEADS, st.binary(max_size=200))
def test_any_bytes_instead_of_a_101_are_one_rejection_and_a_closed_socket(head, data):
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(head + data)

    async def client(side: Client) -> None:
        await side.open()
        assert [event[0] for event in side.record.of("c")] == ["rejected", "tcp_closed"]

    play(script, client)


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x"), AssertionError("x")])
def test_an_exception_of_the_sink_is_heard_and_not_blamed_on_the_server(error):
    def script(peer: Peer) -> str:
        peer.upgrade(glued=frame(frames.TEXT, b"x"))
        return peer.ending()

    async def client(side: Client) -> None:
        def broken(conn: str, data: str | bytes) -> None:
            raise error

        side.record.frame = broken  # type: ignore[method-assign]
        await side.open()
        await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        play(script, client)
    assert caught.group_contains(SinkError, match=repr(error)[:6])


def test_a_cancelled_nursery_closes_every_socket():
    def script(peer: Peer) -> str:
        peer.upgrade()
        return peer.ending()

    async def client(side: Client) -> None:
        async with trio.open_nursery() as nursery:
            inner = Client(side.endpoint, nursery, side.record)
            await inner.open()
            (await inner.open("stalled")).stall()
            (await inner.open("vanished")).drop("vanish")
            nursery.cancel_scope.cancel()
        assert side.record.events.count(("tcp_closed", "c")) == 1
        assert side.record.events.count(("tcp_closed", "stalled")) == 1
        assert side.record.events.count(("tcp_closed", "vanished")) == 1

    assert play(script, client).results == ["fin"] * 3


OVERRIDDEN = [
    "_send",
    "_abort_web_socket",
    "_handle_accept_connection_event",
    "_handle_reject_connection_event",
    "_handle_reject_data_event",
    "_handle_message_event",
    "_handle_ping_event",
    "_handle_pong_event",
    "_handle_close_connection_event",
]


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_an_overridden_private_method_still_exists_and_is_called_by_the_reader_or_the_base(name):
    theirs, ours = getattr(WebSocketConnection, name), getattr(ContainedConnection, name)
    assert inspect.iscoroutinefunction(theirs)
    assert list(inspect.signature(theirs).parameters) == list(inspect.signature(ours).parameters)
    assert f"self.{name}" in inspect.getsource(WebSocketConnection._reader_task)


def test_no_other_private_name_of_the_base_is_shadowed_by_accident():
    inherited = {name for name in dir(WebSocketConnection) if name.startswith("_") and not name.startswith("__")}
    shadowed = (vars(ContainedConnection).keys() | vars(FuzzConn).keys()) & inherited
    assert shadowed - {"_abc_impl"} == set(OVERRIDDEN)


OWN = {"name", "_wire", "_tell", "_abandon", "_how", "_connected", "_accepted", "_over", "_close_begun", "_muted"}
OWN |= {"_dropped", "_gone"}


def test_the_private_attributes_that_are_used_still_exist_and_none_is_taken():
    async def main() -> None:
        stream = trio.testing.memory_stream_pair()[0]
        base = WebSocketConnection(stream, WSConnection(ConnectionType.CLIENT), host="h", path="/")
        for name in ("_initial_request", "_reader_running", "_open_handshake", "_close_handshake", "_wsproto"):
            assert hasattr(base, name)
        assert (base._message_parts, base._reject_status, base._reject_body) == ([], 0, b"")
        assert not {name for name in OWN if hasattr(base, name)}

    trio.run(main)


def test_the_private_names_of_wsproto_that_are_used_still_exist():
    connection = Connection(ConnectionType.CLIENT)
    assert callable(connection._proto._process_close)
    assert connection._proto._frame_decoder.header is None
    assert len(connection._proto._frame_decoder.buffer) == 0
    assert connection._proto._message_decoder.opcode is None
    assert wsproto.handshake.H11Handshake(ConnectionType.CLIENT)._state is ConnectionState.CONNECTING
    assert set(LOCAL_ONLY_CLOSE_REASONS) == {1005, 1006, 1015}
