"""A server that is bad in one way: ``python bad_server.py PORT HOW``. It writes its process id into ``server.pid``.

``echo``: whatever comes goes back; ``mute``: no answer ever; ``hangup``: ends every connection; ``reject``: 401 to
everybody; ``deaf``: speaks WebSocket, and passes on nothing; ``dies:N``: a good hub, until its Nth message;
``twice:N``: delivers everything twice until its Nth message, then writes the file ``stuck`` and no more to anybody.
With ``stubborn`` as a third word SIGTERM does not end it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        pass


async def hangup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")  # bytes left unread would make a reset of the end
    writer.close()


async def reject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
    writer.close()


class Hub:
    """All messages go to all tabs of their user, sender included; ``left``: so many messages until the end."""

    def __init__(self, left: int, twice: bool) -> None:
        self._tabs: dict[str, set[ServerConnection]] = {}
        self._left = left
        self._twice = twice

    async def handle(self, tab: ServerConnection) -> None:
        assert tab.request is not None
        user = parse_qs(urlsplit(tab.request.path).query).get("user", [""])[0]
        tabs = self._tabs.setdefault(user, set())
        tabs.add(tab)
        try:
            async for text in tab:
                self._left -= 1
                if self._left <= 0:
                    await self._end()
                message = json.loads(text)
                out = json.dumps({"type": "message", "id": message["id"], "body": message["body"]})
                for _ in range(2 if self._twice else 1):
                    await asyncio.gather(*(peer.send(out) for peer in tuple(tabs)), return_exceptions=True)
        except ConnectionClosed:
            pass
        finally:
            tabs.discard(tab)

    async def _end(self) -> None:
        if self._twice:
            Path("stuck").write_text("")
            await asyncio.get_running_loop().create_future()
        print("fatal: the disk is full", file=sys.stderr, flush=True)
        os._exit(7)


async def deaf(tab: ServerConnection) -> None:
    async for _ in tab:
        pass


async def main(port: int, how: str) -> None:
    Path("server.pid").write_text(str(os.getpid()))
    raw: dict[str, Handler] = {"echo": echo, "mute": mute, "hangup": hangup, "reject": reject}
    if how in raw:
        server = await asyncio.start_server(raw[how], "127.0.0.1", port)
        await server.serve_forever()
    kind, _, number = how.partition(":")
    hub = Hub(int(number or 0), kind == "twice")
    async with serve(deaf if how == "deaf" else hub.handle, "127.0.0.1", port):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
