"""A chat hub as one writes it after the FastAPI WebSocket tutorial, with a list of tabs per user.

It carries the two defects that such hubs really have (BUGS: fastapi/fastapi#1991, orchestrator-core#1903): the loop
walks the live list across an ``await``, and nothing inside it deals with a tab that is gone. Run it with
``JWT_SECRET=... uvicorn tutorial_hub:app``.
"""

from __future__ import annotations

import os

import jwt
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

SECRET = os.environ["JWT_SECRET"]

app = FastAPI()


class TabManager:
    """Who is connected, by user."""

    def __init__(self) -> None:
        self.tabs: dict[str, list[WebSocket]] = {}

    async def add(self, user: str, websocket: WebSocket) -> None:
        await websocket.accept()
        self.tabs.setdefault(user, []).append(websocket)

    def remove(self, user: str, websocket: WebSocket) -> None:
        self.tabs[user].remove(websocket)

    async def send_to_user(self, user: str, message: dict[str, str]) -> None:
        for tab in self.tabs[user]:
            await tab.send_json(message)


manager = TabManager()


@app.websocket("/ws")
async def chat(websocket: WebSocket, token: str = "") -> None:
    try:
        user = jwt.decode(token, SECRET, algorithms=["HS256"])["sub"]
    except (jwt.InvalidTokenError, KeyError):
        await websocket.close(code=1008)
        return
    await manager.add(user, websocket)
    try:
        while True:
            message = await websocket.receive_json()
            await manager.send_to_user(user, {"type": "message", "id": message["id"], "body": message["body"]})
    except WebSocketDisconnect:
        manager.remove(user, websocket)
