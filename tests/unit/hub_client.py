"""A plain client for tests of the embedded hub, and the hub itself inside the test's own loop."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import jwt
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)

from fuzzer.hub.hub import Hub, Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.server import accept_all, listening_socket

SECRET = "a secret of the tests, long enough for HS256"
PATIENCE = 10


class Rejected(Exception):
    """The upgrade was answered with this status."""


class Ended(Exception):
    """The hub ended the connection: the close code, or None without a Close frame."""


def token(user: str = "u", **claims: Any) -> str:
    return jwt.encode({"sub": user, "exp": int(time.time()) + 600, **claims}, SECRET, algorithm="HS256")


class Tab:
    """One connection. ``code`` is that of the hub's Close frame."""

    def __init__(self, port: int, rcvbuf: int | None = None) -> None:
        self.port = port
        sock = socket.socket()
        sock.setblocking(False)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        self.ws = WSConnection(ConnectionType.CLIENT)
        self.code: int | None = None
        self.pongs = True
        self._text = ""
        self._events: Any = iter(())

    async def connect(self) -> None:
        await self.stream.socket.connect(("127.0.0.1", self.port))

    async def ask(self, user: str = "u", session: str | None = None, given: str | None = None) -> None:
        """Connect and write the whole upgrade request."""
        await self.connect()
        proof = token(user) if given is None else given
        target = f"/ws?token={quote(proof)}" + (f"&session={session}" if session else "")
        await self.stream.send_all(self.ws.send(Request(host="127.0.0.1", target=target)))

    async def answer(self) -> None:
        """Read the answer to the upgrade request; raises ``Rejected`` or ``Ended``."""
        event = await self._event()
        if isinstance(event, RejectConnection):
            self.drop()
            raise Rejected(event.status_code)
        assert isinstance(event, AcceptConnection)

    async def _event(self) -> Any:
        while True:
            for event in self._events:
                return event
            try:
                data = await self.stream.receive_some(65536)
            except trio.BrokenResourceError:
                data = b""
            if not data:
                self.drop()
                raise Ended(self.code)
            self.ws.receive_data(data)
            self._events = self.ws.events()

    async def read(self) -> dict[str, Any]:
        """The next JSON frame; pings are answered on the way; raises ``Ended``."""
        while True:
            event = await self._event()
            if isinstance(event, TextMessage):
                self._text += event.data
                if event.message_finished:
                    text, self._text = self._text, ""
                    frame: dict[str, Any] = json.loads(text)
                    return frame
            elif isinstance(event, Ping) and self.pongs and self.ws.state is ConnectionState.OPEN:
                await self.stream.send_all(self.ws.send(event.response()))
            elif isinstance(event, CloseConnection):
                self.code = event.code
                if self.ws.state.name == "REMOTE_CLOSING":
                    await self.quietly(self.ws.send(event.response()))

    async def quietly(self, data: bytes) -> None:
        """Write, though the hub may be gone."""
        try:
            await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def say(self, kind: str, **fields: str) -> None:
        await self.write(json.dumps({"type": kind, **fields}))

    async def write(self, text: str) -> None:
        await self.stream.send_all(self.ws.send(TextMessage(text)))

    async def publish(self, *ids: str, body: str = "", **room: str) -> None:
        """Several messages in one segment."""
        texts = [json.dumps({"type": "publish", "id": name, "body": body, **room}) for name in ids]
        await self.stream.send_all(b"".join(self.ws.send(TextMessage(text)) for text in texts))

    async def seen(self) -> list[str]:
        """Ids of the messages that the hub wrote before it answered one more command of this connection."""
        await self.say("subscribe", room="a room of its own")
        ids = []
        while (frame := await self.read())["type"] != "subscribed":
            ids += [frame["id"]] if frame["type"] == "message" else []
        return ids

    async def ids(self, count: int) -> list[str]:
        """Ids of the next messages."""
        return [(await self.read())["id"] for _ in range(count)]

    async def close(self, code: int = 1000) -> int | None:
        """Close cleanly; answers the code of the hub's Close frame."""
        await self.stream.send_all(self.ws.send(CloseConnection(code)))
        return await self.end()

    async def end(self) -> int | None:
        """Read to the end; answers the code of the hub's Close frame."""
        try:
            while True:
                await self.read()
        except Ended:
            return self.code

    async def end_or(self, kind: str) -> int | None:
        """Read to a frame of this kind, and answer None, or else to the end, and answer the code."""
        try:
            while (await self.read())["type"] != kind:
                pass
        except Ended:
            return self.code
        return None

    async def refused(self) -> bool:
        """Whether the answer to the upgrade request is a refusal."""
        try:
            await self.answer()
        except Rejected:
            return True
        return False

    def drop(self) -> None:
        """Close the socket; a bare FIN if nothing is unread."""
        self.stream.socket.close()

    def reset(self) -> None:
        """End with a TCP reset."""
        self.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.socket.close()


class TestHub:
    """A hub in this loop and the tabs that were opened on it; everything is closed at the end."""

    __test__ = False

    def __init__(self, hub: Hub, port: int) -> None:
        self.hub = hub
        self.port = port
        self.tabs: list[Tab] = []

    def tab(self, rcvbuf: int | None = None) -> Tab:
        self.tabs.append(Tab(self.port, rcvbuf))
        return self.tabs[-1]

    async def open(
        self, user: str = "u", session: str | None = None, rcvbuf: int | None = None, given: str | None = None
    ) -> Tab:
        """A member; raises ``Rejected`` or ``Ended``."""
        tab = self.tab(rcvbuf)
        await tab.ask(user, session, given)
        await tab.answer()
        assert (await tab.read())["type"] == "welcome"
        return tab

    async def fits(self, user: str = "u") -> bool:
        """Whether one more connection gets in."""
        try:
            await self.open(user)
        except (Rejected, Ended):
            return False
        return True

    async def until(self, **counts: int) -> None:
        """Wait until the hub's counts are these."""
        await eventually(lambda: all(self.hub.stats()[name] == value for name, value in counts.items()))

    async def empty(self) -> None:
        """Wait until nothing is left of anybody."""
        await eventually(lambda: not self.hub.peers and not any(self.hub.stats().values()))


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the loop go on until the condition holds."""
    with trio.fail_after(PATIENCE):
        while not condition():
            await trio.sleep(0.001)


@asynccontextmanager
async def running(knobs: Knobs | None = None, pieces: Pieces | None = None) -> AsyncIterator[TestHub]:
    """The hub on a free port."""
    listener = listening_socket(0)
    async with trio.open_nursery() as nursery:
        hub = Hub(knobs or Knobs(), SECRET, nursery, pieces)
        test = TestHub(hub, listener.getsockname()[1])
        accepting = trio.CancelScope()
        hub.start()
        nursery.start_soon(accept_all, hub, listener, accepting)
        try:
            with trio.fail_after(PATIENCE * 2):
                yield test
        finally:
            for tab in test.tabs:
                tab.drop()
            nursery.cancel_scope.cancel()


def hub_test(knobs: Knobs | None = None) -> Callable[[Callable[[TestHub], Awaitable[None]]], Callable[[], None]]:
    """Make a plain test function of an async one that is given a running, correct hub."""

    def decorate(test: Callable[[TestHub], Awaitable[None]]) -> Callable[[], None]:
        async def run() -> None:
            async with running(knobs) as hub:
                await test(hub)

        def plain() -> None:
            trio.run(run)

        plain.__name__, plain.__doc__ = test.__name__, test.__doc__  # type: ignore[attr-defined]
        return plain

    return decorate
