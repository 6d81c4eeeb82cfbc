"""A hub on Starlette and hypercorn: every tab is let in, and one too many is told so by a Close frame.

Each tab has an outbox and a task that writes it, so that nobody waits for another's socket; a tab for which more than
``BACKLOG`` waits is given up. Run it with ``JWT_SECRET=... python starlette_hub.py --port 8000``; the token comes in
the cookie ``token``, the counts are at ``/stats``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal

from hub_parts import Outbox, read_object, texts, user_of
from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

TABS_PER_USER = 3
BACKLOG = 32 * 1024 * 1024
"""Characters that may wait for one tab."""
MAX_SIZE = 4 * 1024 * 1024
TOO_MANY_TABS = 4429
TOO_SLOW = 4408
GONE = (WebSocketDisconnect, RuntimeError, OSError)
"""What writing to a peer that has left raises, depending on how far the leaving is."""


class Tab:
    """One open connection of a user."""

    def __init__(self, user: str, socket: WebSocket) -> None:
        self.user = user
        self.socket = socket
        self.outbox = Outbox()
        self.too_slow = asyncio.Event()

    def tell(self, text: str) -> None:
        """Let the text be written, unless far too much waits already."""
        if self.outbox.size > BACKLOG:
            self.too_slow.set()
        else:
            self.outbox.put(text)

    async def write(self) -> None:
        """Write what waits until the peer is gone."""
        with contextlib.suppress(*GONE):
            while True:
                await self.socket.send_text(await self.outbox.take())

    async def read(self) -> None:
        """Take messages until the peer is gone."""
        while (event := await self.socket.receive())["type"] != "websocket.disconnect":
            message = texts(read_object(event.get("text")), "broadcast", "id", "body")
            if message is None:
                self.tell('{"type": "error", "reason": "expected {type: broadcast, id, body}"}')
            else:
                hub.publish(self.user, json.dumps({"type": "message", **message}))


class Hub:
    """All tabs of all users. Nothing here awaits."""

    def __init__(self) -> None:
        self._tabs: dict[str, list[Tab]] = {}

    def join(self, user: str, socket: WebSocket) -> Tab | None:
        """A new tab with its welcome, or None if the user has as many as allowed."""
        tabs = self._tabs.setdefault(user, [])
        if len(tabs) >= TABS_PER_USER:
            return None
        tab = Tab(user, socket)
        tabs.append(tab)
        tab.tell('{"type": "welcome"}')
        return tab

    def leave(self, tab: Tab) -> None:
        """Give the slot back."""
        tabs = self._tabs[tab.user]
        tabs.remove(tab)
        if not tabs:
            del self._tabs[tab.user]

    def publish(self, user: str, text: str) -> None:
        """To every tab of the user."""
        for tab in self._tabs.get(user, ()):
            tab.tell(text)

    def counts(self) -> dict[str, int]:
        """How many connections and users are registered."""
        return {"connections": sum(map(len, self._tabs.values())), "users": len(self._tabs)}


hub = Hub()


async def stats(request: Request) -> JSONResponse:
    """What the hub has registered at this moment."""
    return JSONResponse(hub.counts())


async def tabs(socket: WebSocket) -> None:
    """One connection from the handshake to its end."""
    user = user_of(socket.cookies.get("token", ""))
    if user is None:
        await socket.close(1008)
        return
    await socket.accept()
    tab = hub.join(user, socket)
    if tab is None:
        await _send_away(socket, TOO_MANY_TABS, "too many tabs")
        return
    try:
        await _serve(tab)
    finally:
        hub.leave(tab)


async def _serve(tab: Tab) -> None:
    reading, writing = asyncio.create_task(tab.read()), asyncio.create_task(tab.write())
    slow = asyncio.create_task(tab.too_slow.wait())
    try:
        await asyncio.wait({reading, slow}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (reading, writing, slow):
            task.cancel()
        outcomes = await asyncio.gather(reading, writing, slow, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    if tab.too_slow.is_set():
        await _send_away(tab.socket, TOO_SLOW, "too slow")


async def _send_away(socket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(*GONE):
        await socket.close(code, reason)


app = Starlette(routes=[Route("/stats", stats), WebSocketRoute("/ws", tabs)])


async def main(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.loglevel = "warning"
    config.websocket_max_message_size = MAX_SIZE
    config.graceful_timeout = 1.0

    async def stopped() -> None:
        await stop.wait()

    await serve(app, config, shutdown_trigger=stopped)  # type: ignore[arg-type]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    asyncio.run(main(options.parse_args().port))
