"""Several frames in one segment, in fragments, in drips: as the plan says, and withheld until the release."""

from __future__ import annotations

import threading

import pytest
import trio
from hostile import PATIENCE, Client, Peer, is_silent, play
from recording import data_segments
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import Message, Ping, TextMessage

from fuzzer.driver import frames

# A kernel sends ten segments before the first acknowledgement (RFC 6928), and may join what waits for it.
FIRST_WINDOW = 10


@pytest.mark.parametrize(
    ("wire", "least", "most"),
    [("one-segment", 1, 1), ("frames", 2, 2), ("fragments", 2, 2), ("drip", FIRST_WINDOW, 33)],
)
def test_a_burst_goes_in_as_many_segments_as_its_way_on_the_wire_says(wire, least, most):
    texts = ["one", "two two", "three"]
    counted, released = threading.Event(), threading.Event()

    def script(peer: Peer) -> int:
        peer.upgrade()
        before = data_segments(peer.sock)
        counted.set()
        assert released.wait(PATIENCE)
        after = data_segments(peer.sock)
        peer.sock.close()
        return after - before

    async def client(side: Client) -> None:
        conn = await side.open()
        assert await trio.to_thread.run_sync(counted.wait, PATIENCE)
        before = side.record.events.count(("flushed", "c"))
        await conn.prepare_text(texts, wire)
        conn.release()
        while side.record.events.count(("flushed", "c")) == before:
            await trio.sleep(0.001)
        released.set()
        await side.record.until("server_reset")

    (segments,) = play(script, client).results
    assert sum(len(frames.text(text)) for text in texts) == 33
    assert least <= segments <= most


def test_all_of_one_segment_and_of_a_drip_is_withheld_until_the_release():
    looked = threading.Event()

    def script(peer: Peer) -> tuple[bool, bytes]:
        peer.upgrade()
        silent = is_silent(peer)
        looked.set()
        return silent, peer.read_frame()[1]

    async def client(side: Client) -> None:
        conn = await side.open()
        await conn.prepare_text(["drop"], "drip")
        await trio.to_thread.run_sync(looked.wait, PATIENCE)
        conn.release()
        await side.record.until("server_eof")

    assert play(script, client).results == [(True, b"drop")]


def test_fragments_are_one_message_with_a_ping_in_it():
    server = Connection(ConnectionType.SERVER)
    server.receive_data(frames.fragments("aé😀" * 5))
    events = list(server.events())
    assert "".join(str(event.data) for event in events if isinstance(event, Message)) == "aé😀" * 5
    assert [type(event) for event in events] == [TextMessage, Ping, TextMessage]
