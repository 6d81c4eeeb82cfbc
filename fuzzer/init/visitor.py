"""Plain connections for a first look: open, send, and write down what comes."""

from __future__ import annotations

from collections.abc import Callable

import trio

from fuzzer.driver import trouble
from fuzzer.driver.answers import answer
from fuzzer.driver.connection import FuzzConn
from fuzzer.history import RejectedBy
from fuzzer.plan import TokenKind
from fuzzer.target.model import Target
from fuzzer.target.protocol import Codec

PATIENCE = 2.0  # seconds for an answer


class Visitor:
    """One connection and all that it saw. It is the sink of its own events."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.frames: list[str | bytes] = []
        self.refusal = ""
        self.code: int | None = None
        self.by: RejectedBy | None = None
        self.closed: tuple[int, str] | None = None
        self.gone = False
        self.conn: FuzzConn | None = None
        self._lot = trio.lowlevel.ParkingLot()

    @property
    def is_open(self) -> bool:
        """The server has let it in, and has not ended it since."""
        return self.conn is not None and self.conn.is_open and not self.gone and self.closed is None

    @property
    def end(self) -> str:
        """``refused with status 403``, ``closed with 4429``."""
        if self.closed is not None:
            return f"closed with {self.closed[0]}"
        if self.by == "status":
            return f"refused with status {self.code}"
        return "cut off" if self.gone or self.by else "not answered"

    async def send(self, text: str) -> None:
        """One text frame."""
        assert self.conn is not None
        await self.conn.prepare_text([text])
        self.conn.release()

    async def until(self, reached: Callable[[], bool], timeout: float = PATIENCE) -> bool:
        """Wait for what the server sends; False if it never comes."""
        with trio.move_on_after(timeout):
            while not reached():
                await self._lot.park()
        return reached()

    async def close(self) -> None:
        """Leave as one should."""
        assert self.conn is not None
        await self.conn.prepare_close(1000, "")
        self.conn.release()
        await self.conn.finish(PATIENCE)

    def dispose(self) -> None:
        """Let go of the socket."""
        if self.conn is not None:
            self.conn.dispose()

    # ---- Sink ------------------------------------------------------------------------------------------------------

    def frame(self, conn: str, data: str | bytes) -> None:
        """Keep it, and answer what a client must answer."""
        self.frames.append(data)
        answer(self._codec, self.conn, data)
        self._lot.unpark_all()

    def opened(self, conn: str) -> None:
        """Seen by ``is_open``."""
        self._lot.unpark_all()

    def rejected(self, conn: str, by: RejectedBy, code: int | None, reason: str) -> None:
        """Refused in the opening handshake."""
        self.by, self.code, self.refusal = by, code, trouble.refused(by, code, reason)
        self._lot.unpark_all()

    def pong(self, conn: str, payload: bytes) -> None:
        """No pings are sent here."""

    def server_closed(self, conn: str, code: int, reason: str) -> None:
        """Closed after the handshake, as some hubs refuse."""
        self.closed = (code, reason)
        self._lot.unpark_all()

    def server_eof(self, conn: str) -> None:
        """Gone."""
        self._end()

    def server_reset(self, conn: str) -> None:
        """Gone."""
        self._end()

    def server_bad(self, conn: str, detail: str) -> None:
        """What it does not understand it does not count."""

    def tcp_closed(self, conn: str) -> None:
        """Gone."""
        self._end()

    def flushed(self, conn: str) -> None:
        """Nothing waits for it."""

    def _end(self) -> None:
        self.gone = True
        self._lot.unpark_all()


class Visits:
    """Opens visitors, each user a fresh one, and lets go of all of them."""

    def __init__(self, target: Target, port: int | None, nursery: trio.Nursery, nonce: str) -> None:
        self.target = target
        self.port = port
        self._nursery = nursery
        self._nonce = nonce
        self._codec = target.codec()
        self._visitors: list[Visitor] = []

    def user(self, name: str) -> str:
        """A name that nobody had before."""
        return f"{self._nonce}{name}"

    async def open(self, user: str, token: TokenKind = "valid") -> Visitor:
        """Through the handshake, with the first message of this kind of auth, or refused."""
        visitor = Visitor(self._codec)
        endpoint = self.target.endpoint(self.port, user, None, token)
        visitor.conn = await FuzzConn.connect(f"v{len(self._visitors)}", endpoint, self._nursery, visitor)
        self._visitors.append(visitor)
        visitor.conn.release()
        if not await visitor.conn.settle(PATIENCE):
            visitor.refusal = trouble.UNANSWERED
        elif visitor.is_open and endpoint.first_message is not None:
            await visitor.send(endpoint.first_message)
        return visitor

    def leave(self) -> None:
        """All of them."""
        for visitor in self._visitors:
            visitor.dispose()
        self._visitors.clear()
