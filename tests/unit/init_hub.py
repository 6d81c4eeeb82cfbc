"""A small correct hub for ``hubfuzz init``, a script on a command line: ``init_hub.py PORT [array] [ip=N] [full=N]``.

``array``: every frame is a JSON list. ``ip=N``: at most N connections in all, the next is refused with status 429.
``full=N``: the same, told by close code 1013. ``own=N``: at most N of one user, refused with status 429. ``tabs=N``:
the same, told by close code 4429, or by that of ``code=N``. ``rate=N``: at most N openings within a second (or within
``window=N``), the next is refused with status 429; but ``grudge=N``: no more than N are.
``users=N``: nobody else is let in while N users are there; refused with status 503.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Request, Response, ServerConnection, serve

from fuzzer.target.config import JsonProtocol, Match, NoAuth
from fuzzer.target.model import Target

MODES = dict(word.partition("=")[::2] for word in sys.argv[2:])
OPENED: list[float] = []
REFUSED: list[float] = []
MEMBERS: defaultdict[str, set[ServerConnection]] = defaultdict(set)


def init_hub(*modes: str, **more: object) -> Target:
    """The target that starts this hub."""
    return Target(
        name="small",
        url="ws://127.0.0.1:{port}/?user={user}",
        protocol=JsonProtocol('{"id": "{id}", "body": "{body}"}', Match({"type": "message"}, id="id", body="body")),
        auth=NoAuth(),
        start=("{python}", __file__, "{port}", *modes),
        **more,  # type: ignore[arg-type]
    )


def user_of(request: Request | None) -> str:
    assert request is not None
    return parse_qs(urlsplit(request.path).query)["user"][0]


def full(mode: str, there: int) -> bool:
    return mode in MODES and there >= int(MODES[mode])


def everybody() -> int:
    return sum(len(members) for members in MEMBERS.values())


def too_fast() -> bool:
    """What is refused does not count."""
    now = time.monotonic()
    lately = sum(now - at < float(MODES.get("window", 1)) for at in OPENED)
    if full("rate", lately) and not full("grudge", len(REFUSED)):
        REFUSED.append(now)
        return True
    OPENED.append(now)
    return False


def gate(conn: ServerConnection, request: Request) -> Response | None:
    if urlsplit(request.path).path == "/stats":
        return conn.respond(HTTPStatus.OK, json.dumps({"connections": everybody()}))
    if urlsplit(request.path).path != "/":
        return conn.respond(HTTPStatus.NOT_FOUND, "no")
    if full("users", sum(bool(members) for name, members in MEMBERS.items() if name != user_of(request))):
        return conn.respond(HTTPStatus.SERVICE_UNAVAILABLE, "others are here")
    if too_fast() or full("ip", everybody()) or full("own", len(MEMBERS[user_of(request)])):
        return conn.respond(HTTPStatus.TOO_MANY_REQUESTS, "too many")
    return None


async def handler(conn: ServerConnection) -> None:
    if full("full", everybody()):
        return await conn.close(1013, "full")
    members = MEMBERS[user_of(conn.request)]
    if full("tabs", len(members)):
        return await conn.close(int(MODES.get("code", 4429)), "too many tabs")
    members.add(conn)
    try:
        async for frame in conn:
            message = {"type": "message", **json.loads(frame)}
            for member in members:
                await member.send(json.dumps([message] if "array" in MODES else message))
    finally:
        members.discard(conn)


async def main() -> None:
    async with serve(handler, "127.0.0.1", int(sys.argv[1]), process_request=gate):
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
