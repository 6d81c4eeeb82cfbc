"""wsproto, with a short way for the frame that hubs send nearly always: a whole, final, unmasked text frame.

Only when wsproto stands exactly between two messages is such a frame read here, in one pass. Everything else (parts of
frames, fragments, control frames, binary, long or wrong frames, bad UTF-8) is given to wsproto unread, so that there is
one judge of what RFC 6455 allows.

wsproto drops what comes behind a Close frame. Messages there are data that no server may send (RFC 6455, 5.5.1): they
are read all the same, so that somebody can say so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator

from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, TextMessage

FINAL_TEXT = 0x81
TWO_BYTE_LENGTH = 126  # the length byte that says: the next two bytes are the length


class FastWSConnection(WSConnection):
    """A client's wsproto connection; equal events for equal bytes, in equal order."""

    def __init__(self) -> None:
        super().__init__(ConnectionType.CLIENT)
        self._texts: deque[str] = deque()
        self._ended = False
        self._behind: Connection | None = None  # reads what comes after a Close

    def receive_data(self, data: bytes | None) -> None:
        """As in wsproto."""
        if data and self._behind is not None:
            self._behind.receive_data(data)
        elif not data or self.connection is None or self._ended or not _between_messages(self.connection):
            super().receive_data(data)
        elif (rest := self._read_texts(data)) < len(data):
            super().receive_data(data[rest:])

    def events(self) -> Generator[Event, None, None]:
        """As in wsproto."""
        texts = self._texts
        while texts:
            yield TextMessage(data=texts.popleft(), frame_finished=True, message_finished=True)
        for event in super().events():
            # After a Close, or a parse failure, which comes as one, wsproto reads nothing more; so must this.
            if isinstance(event, CloseConnection) and not self._ended:
                self._ended, self._behind = True, _reader_behind(self.connection)
            yield event
        for event in self._behind.events() if self._behind is not None else ():
            if isinstance(event, TextMessage | BytesMessage):
                yield event

    def _read_texts(self, data: bytes) -> int:
        """Take whole text frames from the start of ``data``; returns where the first other byte is."""
        at, end = 0, len(data)
        while at + 2 <= end and data[at] == FINAL_TEXT:
            length, start = data[at + 1], at + 2
            if length == TWO_BYTE_LENGTH:
                length, start = int.from_bytes(data[start : start + 2], "big"), start + 2
                if length < TWO_BYTE_LENGTH:
                    break  # forbidden (not the shortest form), or not here yet
            elif length > TWO_BYTE_LENGTH:
                break  # eight bytes of length, or a mask
            if start + length > end:
                break
            try:
                self._texts.append(data[start : start + length].decode())
            except UnicodeDecodeError:
                break
            at = start + length
        return at


def _reader_behind(connection: Connection | None) -> Connection | None:
    """Reads from right behind the Close on; None after a parse failure, which leaves no such place."""
    if connection is None or connection.state is ConnectionState.OPEN:
        return None
    rest = connection._proto._frame_decoder.buffer
    return Connection(ConnectionType.CLIENT, trailing_data=bytes(rest.consume_at_most(len(rest))))


def _between_messages(connection: Connection) -> bool:
    frames, messages = connection._proto._frame_decoder, connection._proto._message_decoder
    return frames.header is None and not len(frames.buffer) and messages.opcode is None
