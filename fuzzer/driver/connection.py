"""One client connection of a plan: trio-websocket's connection, made safe for an arbitrary peer and for faults.

Waits are bounded. Writes have two phases, so that a batch of connections can act in the drawn order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import trio

from fuzzer.driver import frames
from fuzzer.driver.fast_frames import FastWSConnection
from fuzzer.driver.handshake import request_bytes, upgrade_request
from fuzzer.driver.reader import ContainedConnection
from fuzzer.driver.sink import GuardedSink, Sink
from fuzzer.driver.stream import FuzzStream, new_socket
from fuzzer.driver.trouble import NO_TCP
from fuzzer.plan import AbandonKind, Wire

if TYPE_CHECKING:
    from fuzzer.target.model import Endpoint

CONNECT_TIMEOUT = 5.0  # seconds for the TCP connect


class FuzzConn(ContainedConnection):
    """Make one with ``connect``. No method raises because of the peer; what happens goes to the sink."""

    @classmethod
    async def connect(
        cls,
        name: str,
        endpoint: Endpoint,
        nursery: trio.Nursery,
        sink: Sink,
        *,
        small_buffers: bool = False,
        abandon: AbandonKind | None = None,
        how: Literal["reset", "fin"] = "reset",
        timeout: float = CONNECT_TIMEOUT,
    ) -> FuzzConn:
        """Connect TCP, start the reader, write the upgrade request but its last byte, which ``release`` sends.

        With ``abandon``, ``release`` (or the 101) also ends the connection in the way ``how`` says; of a
        ``half-request`` half is written at once and ``release`` only ends. A failed TCP connect is reported as
        rejected. Raises ``ValueError`` before any I/O if the request itself cannot be written in HTTP.
        """
        upgrade = FastWSConnection()
        request = upgrade_request(endpoint)
        data = request_bytes(upgrade, request)
        tell = GuardedSink(sink, name)
        sock = new_socket(endpoint.host, small_buffers=small_buffers)
        conn = cls(name, FuzzStream(sock, nursery, tell.flushed), tell, request, upgrade)
        conn._abandon, conn._how = abandon, how
        if await conn._connect_tcp(endpoint, timeout):
            nursery.start_soon(conn._read_contained)
            await conn._prepare_request(data)
        return conn

    async def _connect_tcp(self, endpoint: Endpoint, timeout: float) -> bool:
        try:
            await self._wire.connect(endpoint.host, endpoint.port, timeout)
            self._connected = True
        except trio.TooSlowError:
            self._tell.rejected("timeout", None, f"{NO_TCP} within {timeout:g} s")
        except OSError as error:
            self._tell.rejected("reset", None, f"{NO_TCP}: {error.strerror or error}")
        finally:
            if not self._connected:
                self.dispose()
        return self._connected

    async def _prepare_request(self, data: bytes) -> None:
        if self._abandon == "half-request":
            self._wire.write(data[: len(data) // 2])
        else:
            await self._wire.prepare(data[:-1], data[-1:])

    # Writing in two phases

    async def prepare_text(self, texts: Sequence[str], wire: Wire = "frames") -> None:
        """Frame the texts; write all of the first frame but its last byte, withhold that byte and the rest.

        For ``one-segment`` and ``drip`` all is withheld: it goes in one write, or in one for each byte. No effect once
        our Close is prepared: RFC 6455, 5.5.1 allows no data after it.
        """
        if self._close_begun:
            return
        first, *others = [frames.fragments(one) if wire == "fragments" else frames.text(one) for one in texts]
        if wire in ("frames", "fragments"):
            await self._prepare(first, b"".join(others))
        elif not self._over:
            await self._wire.prepare(b"", b"".join((first, *others)), drip=wire == "drip")

    async def prepare_close(self, code: int, reason: str, *, half: bool = False) -> None:
        """Prepare a Close frame with any code (1005: none). Pings are not answered from now on.

        ``half``: our end of TCP then stays open, whatever the peer does, until ``drop`` or ``dispose``.
        """
        if not self._close_begun:
            self._close_begun = True
            self._half = half
            await self._prepare(frames.close(code, reason))

    async def prepare_raw(self, data: bytes) -> None:
        """Prepare any bytes, such as those of a malformed frame."""
        await self._prepare(data)

    async def _prepare(self, first: bytes, rest: bytes = b"") -> None:
        if not self._over:
            await self._wire.prepare(first[:-1], first[-1:] + rest)

    def release(self) -> None:
        """Let what was prepared go: synchronous, one non-blocking send; a remainder goes on in the background."""
        if self._abandon == "half-request":
            self.drop(self._how)
        self._wire.release()
        if self._abandon == "before-101":
            self.drop(self._how)

    def ping(self, payload: bytes) -> bool:  # type: ignore[override]
        """Send a ping of at most 125 bytes; False if that cannot be done at once. The answer goes to ``sink.pong``."""
        if not self.is_open or self._wire.blocked or self._wire.holding:
            return False
        self._wire.write(frames.frame(frames.PING, payload))
        return True

    def answer(self, text: str) -> None:
        """What a client says by itself, as it answers pings: behind what is withheld, and not if it is muted."""
        if self.is_open and not self._muted and not self._wire.stalled:
            self._wire.write(frames.text(text))

    # Waiting, all bounded

    async def settle(self, timeout: float) -> bool:
        """Wait until the opening handshake is decided (or the connection given up). False: not within ``timeout`` s."""
        with trio.move_on_after(timeout):
            await self._open_handshake.wait()
        return self._open_handshake.is_set()

    async def finish(self, timeout: float) -> None:
        """After our Close was released: wait up to ``timeout`` s for the peer to end, then close TCP in any case."""
        if self._dropped == "vanish":
            return
        with trio.move_on_after(timeout):
            await self._gone.wait()
        self.dispose()

    # Faults

    def stall(self) -> None:
        """Stop reading at the socket, so that the server's writes block in the end."""
        self._wire.stall()

    def resume(self) -> None:
        """Read again."""
        self._wire.resume()

    def mute(self) -> None:
        """Never answer a ping again."""
        self._muted = True
