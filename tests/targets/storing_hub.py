"""A hub on ``websockets`` that stores each message before it passes it on, and lets a tab go only after its last one.

The library answers a Close at once and closes TCP, while the handler still works through what the tab had sent; so the
slot, the name in the list of who is present and the counts last longer than the connection. That is common and
correct. Run it with ``JWT_SECRET=... python storing_hub.py --port 8000``; the counts are at ``/stats``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json

from hub_parts import read_object, texts
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed
from websockets_parts import serve_until_told

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


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    the_hub = Hub()
    asyncio.run(serve_until_told(options.parse_args().port, the_hub.serve, the_hub.counts))
