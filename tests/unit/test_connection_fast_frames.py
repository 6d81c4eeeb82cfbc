"""The short way for common frames differs from wsproto in nothing: same events, same order, same end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hostile import close, frame
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection, ConnectionState
from wsproto.events import CloseConnection, Event

from fuzzer.driver import frames
from fuzzer.driver._wsproto_compat import accept_unassigned_close_codes
from fuzzer.driver.fast_frames import FastWSConnection

TEXTS = st.one_of(
    st.text(max_size=10), st.text("é", min_size=60, max_size=66), st.text("x", min_size=120, max_size=300)
)
TEXT = TEXTS.map(lambda text: frame(frames.TEXT, text.encode()))
FRAGMENTED = st.lists(st.binary(max_size=5), min_size=2, max_size=4).map(
    lambda parts: b"".join(
        frame(frames.CONTINUATION if number else frames.BINARY, part, fin=number == len(parts) - 1)
        for number, part in enumerate(parts)
    )
)
# A fragmented text cut in the middle of a character, with room for a control frame between the fragments.
CUT_TEXT = st.sampled_from([b"", frame(frames.PING, b"between"), frame(frames.TEXT, b"wrong here")]).map(
    lambda between: frame(frames.TEXT, "é".encode()[:1], fin=False) + between + frame(frames.CONTINUATION, b"\xa9")
)
OTHER = st.one_of(
    FRAGMENTED,
    CUT_TEXT,
    st.binary(max_size=125).map(lambda data: frame(frames.PING, data)),
    st.binary(max_size=300).map(lambda data: frame(frames.TEXT, data)),
    st.sampled_from([close(1000), close(4999, b"bye"), close(2000), close(1005), frame(frames.CLOSE)]),
    st.sampled_from([frames.text("masked"), frame(frames.TEXT, b"rsv", rsv=4), b"\x81\x7e\x00\x05short", b"\x81\xfe"]),
    st.just(frame(frames.TEXT, b"x" * 70_000)),
    st.binary(min_size=1, max_size=6),
)
STREAMS = st.lists(st.one_of(TEXT, TEXT, TEXT, OTHER), max_size=12).map(b"".join)
CUTS = st.lists(st.integers(0, 2000), max_size=8)


def _chunks(stream: bytes, cuts: list[int]) -> Iterator[bytes]:
    borders = [0, *sorted({cut for cut in cuts if 0 < cut < len(stream)}), len(stream)]
    return (stream[start:stop] for start, stop in itertools.pairwise(borders) if start < stop)


def _read(upgrade: WSConnection, chunks: Iterator[bytes], pauses: list[bool]) -> tuple[list[Event], object]:
    upgrade.connection = Connection(ConnectionType.CLIENT)
    accept_unassigned_close_codes(upgrade)
    events: list[Event] = []
    for number, chunk in enumerate(chunks):
        upgrade.receive_data(chunk)
        if not pauses or pauses[number % len(pauses)]:
            events += upgrade.events()
    events += upgrade.events()
    return events, upgrade.state


@settings(max_examples=600, deadline=None)
@given(STREAMS, CUTS)
@example(frame(frames.TEXT, b"a") * 3 + close(1000) + frame(frames.TEXT, b"after the end"), [3, 6, 13])
@example(frame(frames.TEXT, b"\xff") + frame(frames.TEXT, b"after the failure"), [3])
@example(close(1005) + frame(frames.TEXT, b"after the failure"), [4])
@example(frame(frames.TEXT, b"a", fin=False) + frame(frames.TEXT, b"inside a message"), [3])
@example(frame(frames.BINARY, frame(frames.TEXT, b"only payload")), [2])
@example(b"\x82\x81\x00", [1])
@example(b"\x81\x81" + b"a" * 300, [])
@example(frame(frames.TEXT, "é".encode()) * 40, list(range(1, 160, 3)))
def test_equal_events_for_equal_bytes_in_any_chunks(stream, cuts):
    events, state = _read(FastWSConnection(), _chunks(stream, cuts), [])
    assert (_to_the_close(events), state) == _read(WSConnection(ConnectionType.CLIENT), _chunks(stream, cuts), [])


@settings(max_examples=300, deadline=None)
@given(STREAMS, CUTS, st.lists(st.booleans(), max_size=5))
def test_events_that_are_fetched_late_keep_their_order(stream, cuts, pauses):
    whole = _joined(_read(WSConnection(ConnectionType.CLIENT), _chunks(stream, []), [])[0])
    assert _joined(_to_the_close(_read(FastWSConnection(), _chunks(stream, cuts), pauses)[0])) == whole


def _to_the_close(events: list[Event]) -> list[Event]:
    """Without what is read behind a Close, where wsproto reads nothing."""
    ends = [i for i, event in enumerate(events) if isinstance(event, CloseConnection)]
    return events[: ends[0] + 1] if ends else events


@given(CUTS, st.lists(st.booleans(), max_size=5))
def test_messages_behind_a_close_are_read_in_any_chunks(cuts, pauses):
    stream = frame(frames.TEXT, b"a") + close(1000) + frame(frames.TEXT, b"b") + frame(frames.PING) + close(1001)
    events, state = _read(FastWSConnection(), _chunks(stream, cuts), pauses)
    assert [getattr(e, "data", None) or e.code for e in events] == ["a", 1000, "b"]
    assert state is ConnectionState.REMOTE_CLOSING


def _joined(events: list[Event]) -> list[object]:
    """What a reader makes of the events: the parts of one message in one."""
    read: list[object] = []
    part: object = None
    for event in events:
        if not hasattr(event, "message_finished"):
            read.append(event)
            continue
        part = event.data if part is None else part + event.data  # type: ignore[attr-defined, operator]
        if event.message_finished:
            read.append(part)
            part = None
    return [*read, ("unfinished", part)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535])
def test_common_frames_take_the_short_way(size):
    upgrade = FastWSConnection()
    upgrade.connection = Connection(ConnectionType.CLIENT)
    upgrade.receive_data(frame(frames.TEXT, b"x" * size) * 2 + b"\x81")
    assert list(upgrade._texts) == ["x" * size] * 2
    assert len(upgrade.connection._proto._frame_decoder.buffer) == 1
