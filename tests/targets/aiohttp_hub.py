"""A hub on aiohttp that tells all other tabs of the user, never the one that spoke, and refuses by HTTP status.

A tab is registered before its 101 is written, so whoever has read the 101 is a member. Each tab has an outbox and a
task that writes it; a tab for which more than ``BACKLOG`` waits is cut off. Run it with ``JWT_SECRET=... python
aiohttp_hub.py --port 8000``; the token comes in the header ``Authorization``, the counts are at ``/stats``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json

from aiohttp import WSMsgType, web
from hub_parts import Outbox, read_object, texts, user_of

TABS_PER_USER = 5
BACKLOG = 32 * 1024 * 1024
"""Characters that may wait for one tab."""
MAX_SIZE = 2 * 1024 * 1024


class Tab:
    """One connection of a user, from before its handshake is answered."""

    def __init__(self, user: str, request: web.Request) -> None:
        self.user = user
        self.request = request
        self.outbox = Outbox()
        self.socket = web.WebSocketResponse(max_msg_size=MAX_SIZE, compress=False)

    def tell(self, text: str) -> None:
        """Let the text be written; whoever does not read for too long is cut off."""
        self.outbox.put(text)
        if self.outbox.size > BACKLOG and self.request.transport is not None:
            self.request.transport.abort()

    async def write(self) -> None:
        """Write what waits until the peer is gone."""
        with contextlib.suppress(ConnectionError):
            while True:
                await self.socket.send_str(await self.outbox.take())


class Hub:
    """All tabs of all users. Nothing here awaits."""

    def __init__(self) -> None:
        self._tabs: dict[str, list[Tab]] = {}

    def join(self, user: str, request: web.Request) -> Tab | None:
        """A new tab, or None if the user has as many as allowed."""
        tabs = self._tabs.setdefault(user, [])
        if len(tabs) >= TABS_PER_USER:
            return None
        tabs.append(Tab(user, request))
        return tabs[-1]

    def leave(self, tab: Tab) -> None:
        """Give the slot back."""
        tabs = self._tabs[tab.user]
        tabs.remove(tab)
        if not tabs:
            del self._tabs[tab.user]

    def publish(self, speaker: Tab, text: str) -> None:
        """To every other tab of the speaker's user."""
        for tab in self._tabs[speaker.user]:
            if tab is not speaker:
                tab.tell(text)

    def counts(self) -> dict[str, int]:
        """How many connections and users are registered."""
        return {"connections": sum(map(len, self._tabs.values())), "users": len(self._tabs)}


hub = Hub()
routes = web.RouteTableDef()


@routes.get("/stats")
async def stats(request: web.Request) -> web.Response:
    """What the hub has registered at this moment."""
    return web.json_response(hub.counts())


@routes.get("/ws")
async def tabs(request: web.Request) -> web.StreamResponse:
    """One connection from its request to its end."""
    user = user_of(request.headers.get("Authorization", "").removeprefix("Bearer "))
    if user is None:
        return web.Response(status=401, text="no valid token\n")
    tab = hub.join(user, request)
    if tab is None:
        return web.Response(status=429, text="too many tabs\n")
    try:
        with contextlib.suppress(ConnectionError):  # gone before the answer
            await tab.socket.prepare(request)
            await _serve(tab)
    finally:
        hub.leave(tab)
    return tab.socket if tab.socket.prepared else web.Response()


async def _serve(tab: Tab) -> None:
    writing = asyncio.create_task(tab.write())
    try:
        async for message in tab.socket:
            if message.type is WSMsgType.TEXT:
                _take(tab, message.data)
            elif message.type is WSMsgType.BINARY:
                tab.tell('{"type": "error", "reason": "expected text"}')
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


def _take(tab: Tab, text: str) -> None:
    message = texts(read_object(text), "broadcast", "id", "body")
    if message is None:
        tab.tell('{"type": "error", "reason": "expected {type: broadcast, id, body}"}')
    else:
        hub.publish(tab, json.dumps({"type": "message", **message}))


def main(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = web.Application()
    app.add_routes(routes)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, shutdown_timeout=1)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    main(options.parse_args().port)
