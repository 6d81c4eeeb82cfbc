"""What a connection reports, to whom, and that a fault of the listener is never taken for one of the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fuzzer.history import RejectedBy


class Sink(Protocol):
    """Receives what happens on connections, named ``conn``. All calls are synchronous.

    After ``drop`` or ``dispose`` only ``tcp_closed`` may still come.
    """

    def opened(self, conn: str) -> None:
        """The 101 was read and is valid. For a connection abandoned after the 101: just before it goes."""

    def rejected(self, conn: str, by: RejectedBy, code: int | None, reason: str) -> None:
        """The opening handshake failed; ``code`` is the HTTP status, ``reason`` its body, cut, or one line."""

    def frame(self, conn: str, data: str | bytes) -> None:
        """One whole data message was read."""

    def pong(self, conn: str, payload: bytes) -> None:
        """A Pong was read, asked for or not."""

    def server_closed(self, conn: str, code: int, reason: str) -> None:
        """A real Close frame was read; 1005: it had no code."""

    def server_eof(self, conn: str) -> None:
        """The server's FIN was read, without a Close frame before it."""

    def server_reset(self, conn: str) -> None:
        """The server reset the TCP connection, without a Close frame before."""

    def server_bad(self, conn: str, detail: str) -> None:
        """The server sent bytes that RFC 6455 forbids."""

    def tcp_closed(self, conn: str) -> None:
        """Our end of TCP is closed now: exactly once for each connection whose TCP connect succeeded."""

    def flushed(self, conn: str) -> None:
        """The kernel took the last byte of one release (the opening handshake's, too); may be within ``release``."""


class SinkError(Exception):
    """The sink itself raised: a fault of hubfuzz, which must be heard and never blamed on the server."""


class GuardedSink:
    """The sink as one connection sees it: with its name, silent once the connection is given up by us."""

    def __init__(self, sink: Sink, conn: str) -> None:
        self.silent = False
        self._sink = sink
        self._conn = conn

    def opened(self) -> None:
        self._tell(self._sink.opened)

    def rejected(self, by: RejectedBy, code: int | None, reason: str) -> None:
        self._tell(self._sink.rejected, by, code, reason)

    def frame(self, data: str | bytes) -> None:
        self._tell(self._sink.frame, data)

    def pong(self, payload: bytes) -> None:
        self._tell(self._sink.pong, payload)

    def server_closed(self, code: int, reason: str) -> None:
        self._tell(self._sink.server_closed, code, reason)

    def server_eof(self) -> None:
        self._tell(self._sink.server_eof)

    def server_reset(self) -> None:
        self._tell(self._sink.server_reset)

    def server_bad(self, detail: str) -> None:
        self._tell(self._sink.server_bad, detail)

    def flushed(self) -> None:
        self._tell(self._sink.flushed)

    def tcp_closed(self) -> None:
        self._call(self._sink.tcp_closed)

    def _tell(self, report: Callable[..., None], *details: object) -> None:
        if not self.silent:
            self._call(report, *details)

    def _call(self, report: Callable[..., None], *details: object) -> None:
        try:
            report(self._conn, *details)
        except Exception as error:
            raise SinkError(f"{self._conn}: {error!r}") from error
