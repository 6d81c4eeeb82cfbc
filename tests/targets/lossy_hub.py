"""A hub on Starlette and uvicorn (wsproto) that leaves messages out for tabs that read too slowly, and closes nobody.

A publisher waits for a tab whose outbox is full, up to ``GRACE`` of the hub's own running time (a hub that was
suspended meanwhile cannot know whether others read). Then the tab counts as slow, and until it reads on it misses
what is published. Login is by the first message. Run it with ``JWT_SECRET=... uvicorn --ws wsproto lossy_hub:app``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from hub_parts import Outbox, read_object, texts, user_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

BACKLOG = 512 * 1024
"""Characters that may wait for one tab."""
TICK = 0.02
GRACE = 50
"""Ticks that a full outbox may stand still."""
LOGIN = 15.0
"""Seconds until the token must be there."""
NO_VALID_TOKEN = 4401
GONE = (WebSocketDisconnect, RuntimeError, OSError)
"""What writing to a peer that has left raises, depending on how far the leaving is."""


class Tab:
    """One connection that has logged in. ``slow``: it misses what is published now; ``left``: nobody reads any more."""

    def __init__(self, user: str, socket: WebSocket) -> None:
        self.user = user
        self.socket = socket
        self.outbox = Outbox()
        self.slow = False
        self.left = False
        self.missed = 0
        self._written = 0

    async def tell(self, text: str) -> None:
        """Let the text be written, if need be later; a tab that stands still misses it."""
        ticks, seen = 0, self._written
        while self._is_full() and not self.slow:
            await asyncio.sleep(TICK)
            ticks = ticks + 1 if self._written == seen else 0
            seen = self._written
            self.slow = self.slow or ticks >= GRACE
        if self.slow:
            self.missed += 1
        else:
            self.outbox.put(text)

    def _is_full(self) -> bool:
        return self.outbox.size > BACKLOG and not self.left

    async def write(self) -> None:
        """Write what waits until the peer is gone."""
        try:
            while True:
                await self.socket.send_text(await self.outbox.take())
                self._written += 1
                self.slow = self.slow and self.outbox.size > 0
        except GONE:
            self.left = True

    async def read(self) -> None:
        """Take messages until the peer is gone."""
        while (event := await self.socket.receive())["type"] != "websocket.disconnect":
            message = texts(read_object(event.get("text")), "broadcast", "id", "body")
            if message is None:
                await self.tell('{"type": "error", "reason": "expected {type: broadcast, id, body}"}')
            else:
                await hub.publish(self.user, json.dumps({"type": "message", **message}))


class Hub:
    """All tabs of all users, and for each user a lock that keeps one order for all its tabs."""

    def __init__(self) -> None:
        self._tabs: dict[str, list[Tab]] = {}
        self._publications: set[asyncio.Task[None]] = set()

    def join(self, tab: Tab) -> None:
        """One more tab of its user."""
        self._tabs.setdefault(tab.user, []).append(tab)

    def leave(self, tab: Tab) -> None:
        """Forget the tab."""
        tab.left = True
        tabs = self._tabs[tab.user]
        tabs.remove(tab)
        if not tabs:
            del self._tabs[tab.user]

    async def publish(self, user: str, text: str) -> None:
        """To every tab of the user; returns when each has taken or missed it, also if the publisher is cut off."""
        publication = asyncio.create_task(self._to_all(tuple(self._tabs.get(user, ())), text))
        self._publications.add(publication)
        publication.add_done_callback(self._publications.discard)
        await asyncio.shield(publication)

    async def _to_all(self, tabs: tuple[Tab, ...], text: str) -> None:
        await asyncio.gather(*(tab.tell(text) for tab in tabs))

    def counts(self) -> dict[str, int]:
        """How many connections and users are registered."""
        return {"connections": sum(map(len, self._tabs.values())), "users": len(self._tabs)}


hub = Hub()


async def stats(request: Request) -> JSONResponse:
    """What the hub has registered at this moment."""
    return JSONResponse(hub.counts())


async def tabs(socket: WebSocket) -> None:
    """One connection from the handshake to its end."""
    await socket.accept()
    user = await _login(socket)
    if user is None:
        with contextlib.suppress(*GONE):
            await socket.close(NO_VALID_TOKEN, "no valid token")
        return
    tab = Tab(user, socket)
    hub.join(tab)
    try:
        await _serve(tab)
    finally:
        hub.leave(tab)


async def _login(socket: WebSocket) -> str | None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOGIN):
            event = await socket.receive()
            login = texts(read_object(event.get("text")), "login", "token")
            return user_of(login["token"]) if login else None
    return None


async def _serve(tab: Tab) -> None:
    await tab.tell('{"type": "hello"}')
    writing = asyncio.create_task(tab.write())
    try:
        await tab.read()
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


app = Starlette(routes=[Route("/stats", stats), WebSocketRoute("/ws", tabs)])
