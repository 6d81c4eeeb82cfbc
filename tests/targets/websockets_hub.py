"""A hub on the ``websockets`` library: ``broadcast()`` to all tabs of a user, the oldest makes room for the newest.

``broadcast()`` writes to every transport without waiting, skips tabs that are closing and survives those that are
dead. It knows no back-pressure (``write_limit`` counts only for ``send()``), so the hub itself cuts off a tab whose
buffer stays full. Run it with ``JWT_SECRET=... python websockets_hub.py --port 8000``; the counts are at ``/stats``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http
import json
import os
import signal
from urllib.parse import parse_qs, urlsplit

import jwt
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

SECRET = os.environ["JWT_SECRET"]
TABS_PER_USER = 5
BACKLOG = 1024 * 1024
"""Bytes that may wait in one tab's write buffer."""
GRACE = 2.0
"""Seconds that a tab with a full buffer has to read on."""
REPLACED = 4408


class Hub:
    """All tabs of all users, each user's oldest first. Nothing here awaits between looking and changing."""

    def __init__(self) -> None:
        self._tabs: dict[str, list[ServerConnection]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._watched: set[ServerConnection] = set()

    def join(self, user: str, tab: ServerConnection) -> None:
        """Register a tab; one too many sends the oldest away."""
        tabs = self._tabs.setdefault(user, [])
        tabs.append(tab)
        if len(tabs) > TABS_PER_USER:
            self._send_away(tabs.pop(0))

    def leave(self, user: str, tab: ServerConnection) -> None:
        """Give the slot back; a tab that was sent away has none."""
        tabs = self._tabs.get(user, [])
        if tab in tabs:
            tabs.remove(tab)
            if not tabs:
                del self._tabs[user]

    def has(self, user: str, tab: ServerConnection) -> bool:
        """Whether the tab is still one of the user's."""
        return tab in self._tabs.get(user, ())

    def publish(self, user: str, text: str) -> None:
        """To every tab of the user, in one go."""
        tabs = self._tabs.get(user, [])
        broadcast(tabs, text)
        for tab in tabs:
            if tab not in self._watched and is_behind(tab):
                self._watched.add(tab)
                asyncio.get_running_loop().call_later(GRACE, self._cut_if_behind, tab)

    def counts(self) -> dict[str, int]:
        """How many connections and users are registered."""
        return {"connections": sum(map(len, self._tabs.values())), "users": len(self._tabs)}

    def _cut_if_behind(self, tab: ServerConnection) -> None:
        self._watched.discard(tab)
        if is_behind(tab):
            tab.transport.abort()

    def _send_away(self, tab: ServerConnection) -> None:
        # In a task of its own: the closing handshake of the old tab must not delay the new one.
        task = asyncio.create_task(tab.close(REPLACED, "replaced by a newer tab"))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def is_behind(tab: ServerConnection) -> bool:
    """Whether the peer reads too slowly for what is published."""
    return tab.transport.get_write_buffer_size() > BACKLOG


hub = Hub()


def answer_or_admit(connection: ServerConnection, request: Request) -> Response | None:
    """The answer to a plain request or a bad token; None lets the handshake go on."""
    url = urlsplit(request.path)
    if url.path == "/stats":
        return connection.respond(http.HTTPStatus.OK, json.dumps(hub.counts()))
    if url.path != "/ws":
        return connection.respond(http.HTTPStatus.NOT_FOUND, "no such path\n")
    user = user_of(parse_qs(url.query).get("token", [""])[0])
    if user is None:
        return connection.respond(http.HTTPStatus.UNAUTHORIZED, "no valid token\n")
    connection.username = user
    return None


def user_of(token: str) -> str | None:
    """Whose token it is; None if it is not one of ours or not valid now."""
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["sub", "exp"]})
    except jwt.InvalidTokenError:
        return None
    return str(claims["sub"])


async def handle(tab: ServerConnection) -> None:
    """One connection from the end of its handshake to its own end."""
    user = tab.username
    hub.join(user, tab)
    try:
        with contextlib.suppress(ConnectionClosed):
            await _read(user, tab)
    except Exception as error:
        print(f"hub error: {error!r}", flush=True)
        raise
    finally:
        hub.leave(user, tab)


async def _read(user: str, tab: ServerConnection) -> None:
    async for text in tab:
        if not hub.has(user, tab):
            continue  # not return: that would close with 1000 before the code that says why
        message = parse(text)
        if message is None:
            await tab.send('{"type": "error", "reason": "expected {type: broadcast, id, body}"}')
        else:
            hub.publish(user, json.dumps({"type": "message", **message}))


def parse(text: str | bytes) -> dict[str, str] | None:
    """The id and body of a broadcast, or None if the text is something else."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("type") != "broadcast":
        return None
    known = {"id": message.get("id"), "body": message.get("body")}
    strings = {key: value for key, value in known.items() if isinstance(value, str)}
    return strings if len(strings) == len(known) else None


async def main(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(handle, "127.0.0.1", port, process_request=answer_or_admit):
        await stop.wait()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    asyncio.run(main(options.parse_args().port))
