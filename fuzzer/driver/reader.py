"""The reading half of a connection: trio-websocket's reader, contained.

The base class hangs, leaks or raises into the nursery on several legal and many illegal behaviours of a server. Here
every path ends in a report to the sink and in a closed socket, and a message costs no checkpoint.
"""

from __future__ import annotations

from typing import Literal, cast

import trio
from trio_websocket import WebSocketConnection
from wsproto import WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from fuzzer.driver import frames
from fuzzer.driver._wsproto_compat import accept_unassigned_close_codes, go_on_after_interim_response
from fuzzer.driver.handshake import one_line
from fuzzer.driver.sink import GuardedSink, SinkError
from fuzzer.driver.stream import FuzzStream
from fuzzer.plan import AbandonKind, DropKind

LINGER = 0.5  # seconds that the server has to close TCP first (RFC 6455, 7.1.1), or to end the body of a rejection
REASON_LENGTH = 200  # characters kept of the body of a rejection


class ContainedConnection(WebSocketConnection):
    """Reads, reports and ends. Nothing that the peer does raises."""

    def __init__(self, name: str, stream: FuzzStream, tell: GuardedSink, request: Request, upgrade: WSConnection):
        super().__init__(stream, upgrade, host=request.host, path=request.target)
        self._initial_request = None  # written by ``connect``, in two phases
        self.name = name
        self._wire = stream
        self._tell = tell
        self._abandon: AbandonKind | None = None
        self._how: Literal["reset", "fin"] = "reset"
        self._connected = False  # TCP
        self._accepted = False  # the 101 was read
        self._over = False  # nothing that the peer does counts any more
        self._close_begun = False  # our Close frame is prepared or sent: no frame may follow it
        self._half = False  # our end of TCP stays open after the closing handshake
        self._muted = False
        self._dropped: DropKind | None = None
        self._gone = trio.Event()  # our end of TCP is closed

    # State

    @property
    def is_open(self) -> bool:
        """The handshake succeeded, and neither side has begun to end the connection."""
        return self._accepted and not self._over and not self._close_begun

    @property
    def ended(self) -> bool:
        """Nothing more will come: rejected, ended by the server, dropped, or closed."""
        return self._over

    @property
    def stalled(self) -> bool:
        """Nothing is read now."""
        return self._wire.stalled and not self._over

    @property
    def write_blocked(self) -> bool:
        """The kernel has not taken all that was written: the server does not read."""
        return self._wire.blocked

    # Ending

    def drop(self, how: DropKind) -> None:
        """End now without a Close frame. ``vanish``: the socket stays, nothing is ever read or written again.

        ``reset-pending``: a ping is written first, so that the server has something to answer.
        """
        self._tell.silent = True
        self._over = True
        self._dropped = self._dropped or how
        self._open_handshake.set()
        if how == "vanish":
            self._wire.freeze()
        else:
            if how == "reset-pending":  # the answer is on its way to a socket that is no more
                self._wire.write(frames.frame(frames.PING, b"pending"))
            self._close_tcp("fin" if how == "fin" else "reset")

    def dispose(self) -> None:
        """Close the socket whatever the state, wake everybody who waits. Synchronous and idempotent."""
        self._tell.silent = True
        self._over = True
        self._open_handshake.set()
        self._close_tcp("fin")

    async def aclose(self, code: int = 1000, reason: str | None = None) -> None:
        """As ``dispose``: the base class would wait for the peer without bound and might keep the socket."""
        self.dispose()
        await trio.lowlevel.checkpoint()

    def _close_tcp(self, how: Literal["fin", "reset"]) -> None:
        self._reader_running = False
        self._wire.close(how)
        if self._gone.is_set():
            return
        self._gone.set()
        self._close_handshake.set()
        if self._connected:
            self._tell.tcp_closed()

    # The reader task and its containment

    async def _read_contained(self) -> None:
        try:
            await self._reader_task()
        except BaseException as error:
            if not self._is_of_the_peer(error):  # cancelled, or a fault of hubfuzz, which must be heard
                self.dispose()
                raise
            self._end(one_line(error))
        else:
            self._end("")

    def _is_of_the_peer(self, error: BaseException) -> bool:
        if self._accepted or isinstance(error, SinkError):
            return isinstance(error, ProtocolError | ValueError)
        return isinstance(error, Exception)

    def _end(self, violation: str) -> None:
        if not self._over:
            self._over = True
            report = self._report_end if self._accepted else self._report_rejection
            report(violation)
        self._open_handshake.set()
        if not self._half:
            self._close_tcp("fin")

    def _report_end(self, violation: str) -> None:
        if violation:
            self._tell.server_bad(violation)
        elif self._wire.end == "reset":
            self._tell.server_reset()
        else:
            self._tell.server_eof()

    def _report_rejection(self, violation: str) -> None:
        if self._reject_status:
            body = self._reject_body.decode("utf-8", "replace").strip()
            self._tell.rejected("status", self._reject_status, body[:REASON_LENGTH])
        elif violation:
            self._tell.rejected("invalid", None, violation)
        else:
            self._tell.rejected(self._wire.end or "eof", None, "")

    async def _send(self, event: Event) -> None:
        # The base class sends here what answers an invalid handshake, as if it were a server.
        if isinstance(event, RejectConnection):
            raise ProtocolError("not a valid opening handshake")
        self._wire.write(bytes(self._wsproto.send(event)))

    async def _abort_web_socket(self) -> None:
        self._reader_running = False

    async def _handle_accept_connection_event(self, event: AcceptConnection) -> None:
        await super()._handle_accept_connection_event(event)
        accept_unassigned_close_codes(self._wsproto)
        self._accepted = True
        self._tell.opened()
        if self._abandon == "after-101":
            self.drop(self._how)

    async def _handle_reject_connection_event(self, event: RejectConnection) -> None:
        if event.status_code < 200:  # an interim response (RFC 9110, 15.2), which wsproto takes for the last
            go_on_after_interim_response(self._wsproto)
            return
        self._reject_status = event.status_code
        self._wire.limit(LINGER)

    async def _handle_reject_data_event(self, event: RejectData) -> None:
        self._reject_body += event.data
        if event.body_finished or len(self._reject_body) >= 4 * REASON_LENGTH:
            self._end("")

    async def _handle_message_event(self, event: BytesMessage | TextMessage) -> None:
        data = cast("str | bytes", event.data)
        if event.message_finished and not self._message_parts:
            self._tell.frame(data)
            return
        self._message_parts.append(data)
        if event.message_finished:
            parts, self._message_parts = self._message_parts, []
            whole = "" if isinstance(data, str) else b""
            self._tell.frame(whole.join(parts))  # type: ignore[arg-type]

    async def _handle_ping_event(self, event: Ping) -> None:
        # No frame may follow our Close; wsproto itself would raise.
        if self.is_open and not self._muted and not self._wire.stalled:
            self._wire.write(frames.frame(frames.PONG, bytes(event.payload)))

    async def _handle_pong_event(self, event: Pong) -> None:
        self._tell.pong(bytes(event.payload))

    async def _handle_close_connection_event(self, event: CloseConnection) -> None:
        if self._over:
            return
        self._over = True
        self._message_parts = []  # what comes now is no part of it
        if self._wsproto.state is ConnectionState.OPEN:  # no frame: wsproto reports its own parse failure so
            self._fail(int(event.code), event.reason or "")
        else:
            self._tell.server_closed(int(event.code), event.reason or "")
            self._answer_close(int(event.code))
            if not self._half:
                self._wire.limit(LINGER)

    def _fail(self, code: int, detail: str) -> None:
        """Fail the WebSocket connection (RFC 6455, 7.1.7)."""
        self._tell.server_bad(" ".join(detail.split()))
        self._answer_close(code)
        self._close_tcp("fin")

    def _answer_close(self, code: int) -> None:
        if not self._close_begun:
            self._close_begun = True
            self._wire.write(frames.close(code))
