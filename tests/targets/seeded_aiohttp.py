"""The plain hub with at most one defect on aiohttp: ``BUG=... python seeded_aiohttp.py --port 8000``."""

from __future__ import annotations

import argparse
import contextlib

from aiohttp import WSCloseCode, WSMsgType, web
from hub_parts import user_of
from seeded_parts import Gone, Hub, Tab

MAX_SIZE = 2 * 1024 * 1024
GONE = (ConnectionError, RuntimeError)

hub = Hub()
routes = web.RouteTableDef()


class AiohttpTab(Tab):
    """A tab on aiohttp's WebSocketResponse."""

    def __init__(self, user: str, session: str, socket: web.WebSocketResponse) -> None:
        super().__init__(user, session)
        self._socket = socket

    async def read(self) -> str | None:
        message = await self._socket.receive()
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            return message.data if message.type is WSMsgType.TEXT else ""
        self.clean = self._socket.close_code != WSCloseCode.ABNORMAL_CLOSURE
        return None

    async def write(self, text: str) -> None:
        try:
            await self._socket.send_str(text)
        except GONE:
            raise Gone from None

    async def close(self, code: int) -> None:
        with contextlib.suppress(*GONE):
            await self._socket.close(code=code)


@routes.get("/stats")
async def stats(request: web.Request) -> web.Response:
    """What the hub has registered at this moment."""
    return web.json_response(hub.counts())


@routes.get("/ws")
async def tabs(request: web.Request) -> web.StreamResponse:
    """One connection from its request to its end."""
    user = user_of(request.query.get("token", ""))
    if user is None:
        return web.Response(status=401, text="no valid token\n")
    socket = web.WebSocketResponse(max_msg_size=MAX_SIZE, compress=False, timeout=1.0)
    try:
        await socket.prepare(request)
    except ConnectionError:  # gone before the answer
        return web.Response()
    await hub.serve(AiohttpTab(user, request.query.get("session") or str(id(socket)), socket))
    return socket


def main(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = web.Application()
    app.add_routes(routes)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, shutdown_timeout=1)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    main(options.parse_args().port)
