"""The plain hub with at most one defect on FastAPI and uvicorn: ``BUG=... uvicorn seeded_fastapi:app``."""

from __future__ import annotations

import contextlib

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from hub_parts import user_of
from seeded_parts import Gone, Hub, Tab

GONE = (WebSocketDisconnect, RuntimeError, OSError)
WITHOUT_A_CLOSE_FRAME = (1005, 1006)

app = FastAPI()
hub = Hub()


class StarletteTab(Tab):
    """A tab on starlette's WebSocket."""

    def __init__(self, user: str, session: str, socket: WebSocket) -> None:
        super().__init__(user, session)
        self._socket = socket

    async def read(self) -> str | None:
        event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            self.clean = event.get("code") not in WITHOUT_A_CLOSE_FRAME
            return None
        return event.get("text") or ""

    async def write(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except GONE:
            raise Gone from None

    async def close(self, code: int) -> None:
        with contextlib.suppress(*GONE):
            await self._socket.close(code)


@app.get("/stats")
async def stats() -> dict[str, int]:
    """What the hub has registered at this moment."""
    return hub.counts()


@app.websocket("/ws")
async def tabs(socket: WebSocket, token: str = "", session: str = "") -> None:
    """One connection from the handshake to its end."""
    user = user_of(token)
    if user is None:
        await socket.close(1008)
        return
    await socket.accept()
    await hub.serve(StarletteTab(user, session or str(id(socket)), socket))
