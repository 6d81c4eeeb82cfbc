"""wsproto, with a short way for the frame that hubs send nearly always: a whole, final, unmasked text frame.

Only when wsproto stands exactly between two messages is such a frame read here, in one pass. Everything else (parts of
frames, fragments, control frames, binary, long or wrong frames, bad UTF-8) is given to wsproto unread, so that there is
one judge of what RFC 6455 allows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator

from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection
from wsproto.events import CloseConnection, Event, TextMessage

FINAL_TEXT = 0x81
TWO_BYTE_LENGTH = 126  # the length byte that says: the next two bytes are the length


class FastWSConnection(WSConnection):
    """A client's wsproto connection; equal events for equal bytes, in equal order."""

    def __init__(self) -> None:
        super().__init__(ConnectionType.CLIENT)
        self._texts: deque[str] = deque()
        self._ended = False

    def receive_data(self, data: bytes | None) -> None:
        """As in wsproto."""
        if not data or self.connection is None or self._ended or not _between_messages(self.connection):
            super().receive_data(data)
            return
        rest = self._read_texts(data)
        if rest < len(data):
            super().receive_data(data[rest:])

    def events(self) -> Generator[Event, None, None]:
        """As in wsproto."""
        texts = self._texts
        while texts:
            yield TextMessage(data=texts.popleft(), frame_finished=True, message_finished=True)
        for event in super().events():
            # After a Close, or a parse failure, which comes as one, wsproto reads nothing more; so must this.
            self._ended = self._ended or isinstance(event, CloseConnection)
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


def _between_messages(connection: Connection) -> bool:
    frames, messages = connection._proto._frame_decoder, connection._proto._message_decoder
    return frames.header is None and not len(frames.buffer) and messages.opcode is None
