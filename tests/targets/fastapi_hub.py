"""The hub of the tutorial done right: a tab that fails, stalls or leaves costs nobody else anything.

Each tab has an outbox of its own with a task that writes it, so publishing never waits for a socket. An outbox is
bounded: whoever lets it stay full for ``GRACE`` seconds is cut off. Slots are given back in one ``finally``.
Run it with ``JWT_SECRET=... uvicorn fastapi_hub:app``; the counts are at ``/stats``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import deque

import jwt
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

SECRET = os.environ["JWT_SECRET"]
TABS_PER_USER = 5
BACKLOG = 2 * 1024 * 1024
"""Characters that may wait for one tab."""
GRACE = 1.0
"""Seconds that a tab with a full outbox has to read on, and that a dead one has for what it sent before."""
TOO_MANY_TABS = 4429
GONE = (WebSocketDisconnect, RuntimeError, OSError)
"""What starlette and uvicorn raise on writing to a peer that has left, depending on how far the leaving is."""


class Outbox:
    """Texts that wait for one tab, in order."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._size = 0
        self._closed = False
        self._filled = asyncio.Event()
        self._room = asyncio.Event()

    def offer(self, text: str) -> bool:
        """Take the text unless the outbox is full; one text is always taken, however long it is."""
        if self._closed:
            return True
        if self._texts and self._size + len(text) > BACKLOG:
            return False
        self._texts.append(text)
        self._size += len(text)
        self._filled.set()
        return True

    async def put(self, text: str) -> None:
        """Wait for room."""
        while not self.offer(text):
            self._room.clear()
            await self._room.wait()

    async def take(self) -> str:
        """Wait for the next text."""
        while not self._texts:
            self._filled.clear()
            await self._filled.wait()
        text = self._texts.popleft()
        self._size -= len(text)
        self._room.set()
        return text

    def close(self) -> None:
        """From now on texts are thrown away, and nobody waits for room."""
        self._closed = True
        self._texts.clear()
        self._room.set()


class Tab:
    """One open connection of a user."""

    def __init__(self, user: str, socket: WebSocket) -> None:
        self.user = user
        self.socket = socket
        self.outbox = Outbox()
        self.too_slow = asyncio.Event()

    async def write(self) -> None:
        """Send what is published until the peer is gone."""
        with contextlib.suppress(*GONE):
            while True:
                await self.socket.send_text(await self.outbox.take())

    async def accept_late(self, text: str) -> None:
        """Wait for room in a full outbox, but not for ever."""
        try:
            async with asyncio.timeout(GRACE):
                await self.outbox.put(text)
        except TimeoutError:
            self.too_slow.set()


class Hub:
    """All tabs of all users. Nothing here awaits between looking and changing."""

    def __init__(self) -> None:
        self._tabs: dict[str, list[Tab]] = {}
        self._deliveries: set[asyncio.Task[None]] = set()

    def join(self, user: str, socket: WebSocket) -> Tab | None:
        """A new tab, or None if the user has as many as allowed."""
        tabs = self._tabs.setdefault(user, [])
        if len(tabs) >= TABS_PER_USER:
            return None
        tab = Tab(user, socket)
        tabs.append(tab)
        tab.outbox.offer(json.dumps({"type": "welcome", "user": user}))
        return tab

    def leave(self, tab: Tab) -> None:
        """Give the slot back."""
        tab.outbox.close()
        tabs = self._tabs[tab.user]
        tabs.remove(tab)
        if not tabs:
            del self._tabs[tab.user]

    async def publish(self, user: str, text: str) -> None:
        """To every tab of the user, at once to those that keep up."""
        late = [tab for tab in self._tabs.get(user, ()) if not tab.outbox.offer(text)]
        if late:
            # A task of its own, so that a publisher that is cut off meanwhile does not take the message along.
            delivery = asyncio.create_task(_accept_late(late, text))
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._deliveries.discard)
            await asyncio.shield(delivery)

    def counts(self) -> dict[str, int]:
        """How many connections and users are registered."""
        return {"connections": sum(map(len, self._tabs.values())), "users": len(self._tabs)}


async def _accept_late(tabs: list[Tab], text: str) -> None:
    await asyncio.gather(*(tab.accept_late(text) for tab in tabs))


app = FastAPI()
hub = Hub()


@app.get("/stats")
async def stats() -> dict[str, int]:
    """What the hub has registered at this moment."""
    return hub.counts()


@app.websocket("/ws")
async def tabs(socket: WebSocket, token: str = "") -> None:
    """One connection from the handshake to its end."""
    user = user_of(token)
    if user is None:
        await socket.close(1008)
        return
    await socket.accept()
    tab = hub.join(user, socket)
    if tab is None:
        with contextlib.suppress(*GONE):
            await socket.close(TOO_MANY_TABS, "too many tabs")
        return
    try:
        await _serve(tab)
    finally:
        hub.leave(tab)


def user_of(token: str) -> str | None:
    """Whose token it is; None if it is not one of ours or not valid now."""
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["sub", "exp"]})
    except jwt.InvalidTokenError:
        return None
    return str(claims["sub"])


async def _serve(tab: Tab) -> None:
    reading = asyncio.create_task(_read(tab))
    writing = asyncio.create_task(tab.write())
    slow = asyncio.create_task(tab.too_slow.wait())
    try:
        done, _ = await asyncio.wait({reading, writing, slow}, return_when=asyncio.FIRST_COMPLETED)
        if done == {writing}:
            # The peer is gone, but what it sent before may still be unread.
            await asyncio.wait({reading}, timeout=GRACE)
    finally:
        for task in (reading, writing, slow):
            task.cancel()
        outcomes = await asyncio.gather(reading, writing, slow, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def _read(tab: Tab) -> None:
    while (event := await tab.socket.receive())["type"] != "websocket.disconnect":
        message = parse(event.get("text"))
        if message is None:
            tab.outbox.offer('{"type": "error", "reason": "expected {type: broadcast, id, body}"}')
        else:
            await hub.publish(tab.user, json.dumps({"type": "message", **message}))


def parse(text: str | None) -> dict[str, str] | None:
    """The id and body of a broadcast, or None if the text is something else."""
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("type") != "broadcast":
        return None
    known = {"id": message.get("id"), "body": message.get("body")}
    strings = {key: value for key, value in known.items() if isinstance(value, str)}
    return strings if len(strings) == len(known) else None
