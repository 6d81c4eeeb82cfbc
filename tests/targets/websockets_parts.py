"""What hubs on ``websockets`` (asyncio) share: who is let in, the counts at ``/stats``, and the end upon SIGTERM."""

from __future__ import annotations

import asyncio
import http
import json
import signal
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

from hub_parts import user_of
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

Counts = Callable[[], dict[str, int]]


def admit(counts: Counts, connection: ServerConnection, request: Request) -> Response | None:
    """The answer to a plain request or a bad token; None lets the handshake go on."""
    url = urlsplit(request.path)
    if url.path == "/stats":
        return connection.respond(http.HTTPStatus.OK, json.dumps(counts()))
    user = user_of(parse_qs(url.query).get("token", [""])[0])
    if user is None:
        return connection.respond(http.HTTPStatus.UNAUTHORIZED, "no valid token\n")
    connection.username = user
    return None


async def serve_until_told(port: int, one: Callable[[ServerConnection], Awaitable[None]], counts: Counts) -> None:
    """Have ``one`` serve each connection, until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(one, "127.0.0.1", port, process_request=lambda c, r: admit(counts, c, r), max_size=1_048_576):
        await stop.wait()
