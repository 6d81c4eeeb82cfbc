"""A hub on ``websockets`` that stores each message before it passes it on, and lets a tab go only after its last one.

The library answers a Close at once and closes TCP, while the handler still works through what the tab had sent; so the
slot, the name in the list of who is present and the counts last longer than the connection. That is common and
correct. Run it with ``JWT_SECRET=... python storing_hub.py --port 8000``; the counts are at ``/stats``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http
import json
import signal
from urllib.parse import parse_qs, urlsplit

from hub_parts import read_object, texts, user_of
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

TABS_PER_USER = 3
STORING = 0.15
"""Seconds for each message."""
TOO_MANY = 4429


class Hub:
    """All tabs of all users."""

    def __init__(self) -> None:
        self._tabs: dict[str, list[ServerConnection]] = {}

    def counts(self) -> dict[str, int]:
        """How many connections and users are registered."""
        return {"connections": sum(map(len, self._tabs.values())), "users": len(self._tabs)}

    async def serve(self, tab: ServerConnection) -> None:
        """One connection from the end of its handshake until its last message is stored."""
        user = tab.username
        tabs = self._tabs.setdefault(user, [])
        if len(tabs) >= TABS_PER_USER:
            await tab.close(TOO_MANY, "too many tabs")
            return
        tabs.append(tab)
        try:
            with contextlib.suppress(ConnectionClosed):
                await tab.send(json.dumps({"type": "welcome", "user": user}))
                await self._read(tab, tabs)
        finally:
            tabs.remove(tab)
            if not tabs:
                del self._tabs[user]

    async def _read(self, tab: ServerConnection, tabs: list[ServerConnection]) -> None:
        async for text in tab:
            frame = read_object(text)
            message = texts(frame, "broadcast", "id", "body")
            if message is not None:
                await asyncio.sleep(STORING)
                broadcast(tabs, json.dumps({"type": "message", **message}))
            elif frame.get("type") == "who":
                with contextlib.suppress(ConnectionClosed):  # it has left; what it had sent is still to be stored
                    await tab.send(json.dumps({"type": "here", "users": sorted(self._tabs)}))


def admit(hub: Hub, connection: ServerConnection, request: Request) -> Response | None:
    """The answer to a plain request or a bad token; None lets the handshake go on."""
    url = urlsplit(request.path)
    if url.path == "/stats":
        return connection.respond(http.HTTPStatus.OK, json.dumps(hub.counts()))
    user = user_of(parse_qs(url.query).get("token", [""])[0])
    if user is None:
        return connection.respond(http.HTTPStatus.UNAUTHORIZED, "no valid token\n")
    connection.username = user
    return None


async def main(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    hub, stop = Hub(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(hub.serve, "127.0.0.1", port, process_request=lambda c, r: admit(hub, c, r), max_size=1_048_576):
        await stop.wait()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    asyncio.run(main(options.parse_args().port))
