"""A hub on ``websockets`` with a queue for each tab, of sixteen messages, and user names without letter case.

Both are common, and correct for what they say; its target files declare neither, so that hubfuzz's defaults must do.
What does not fit into the queue of a tab is left out, or the tab is closed (``--full close``); ``--waiting`` says how
much fits. Run it with ``JWT_SECRET=... python queue_hub.py --port 8000``; the counts are at ``/stats``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import unicodedata

from hub_parts import read_object, texts
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets_parts import serve_until_told

MOST_WAITING = 16
TOO_SLOW = 1013


class Tab:
    """One connection: what it is sent waits in its queue, which never makes anybody else wait."""

    def __init__(self, socket: ServerConnection, full: str, waiting: int) -> None:
        self.socket = socket
        self.queue: asyncio.Queue[str] = asyncio.Queue(waiting)
        self._closes = full == "close"
        self._ending: asyncio.Task[None] | None = None

    def tell(self, text: str) -> None:
        """Queue the text if there is room."""
        try:
            self.queue.put_nowait(text)
        except asyncio.QueueFull:
            if self._closes and self._ending is None:
                self._ending = asyncio.create_task(self.socket.close(TOO_SLOW, "too slow"))

    async def write(self) -> None:
        """Write what is queued until the peer is gone."""
        with contextlib.suppress(ConnectionClosed):
            while self._ending is None:
                await self.socket.send(await self.queue.get())


class Hub:
    """All tabs of all users, by folded name."""

    def __init__(self, full: str, waiting: int) -> None:
        self._tabs: dict[str, list[Tab]] = {}
        self._full = full
        self._waiting = waiting

    def counts(self) -> dict[str, int]:
        """How many connections are registered."""
        return {"connections": sum(map(len, self._tabs.values()))}

    async def serve(self, socket: ServerConnection) -> None:
        """One connection from the end of its handshake to its own end."""
        user, tab = folded(socket.username), Tab(socket, self._full, self._waiting)
        self._tabs.setdefault(user, []).append(tab)
        writing = asyncio.create_task(tab.write())
        try:
            with contextlib.suppress(ConnectionClosed):
                await self._read(user, tab)
        finally:
            writing.cancel()
            self._tabs[user].remove(tab)
            if not self._tabs[user]:
                del self._tabs[user]

    async def _read(self, user: str, tab: Tab) -> None:
        async for text in tab.socket:
            message = texts(read_object(text), "broadcast", "id", "body")
            for mate in self._tabs[user] if message else ():
                mate.tell(json.dumps({"type": "message", **(message or {})}))


def folded(name: str) -> str:
    """The name without letter case, in one Unicode form, trimmed."""
    return unicodedata.normalize("NFKC", name.strip().casefold())


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--full", choices=("leave-out", "close"), default="leave-out")
    options.add_argument("--waiting", type=int, default=MOST_WAITING)
    given = options.parse_args()
    the_hub = Hub(given.full, given.waiting)
    asyncio.run(serve_until_told(given.port, the_hub.serve, the_hub.counts))
