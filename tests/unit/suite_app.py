"""A FastAPI hub of a test suite: in a thread of the test's own process, on a free port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
tabs: dict[str, set[WebSocket]] = {}


@app.websocket("/ws/{user}")
async def hub(tab: WebSocket, user: str) -> None:
    """Everything goes to all tabs of this user."""
    await tab.accept()
    mine = tabs.setdefault(user, set())
    mine.add(tab)
    try:
        while True:
            text = await tab.receive_text()
            for other in list(mine):
                with suppress(WebSocketDisconnect, RuntimeError):
                    await other.send_text(text)
    except (WebSocketDisconnect, KeyError):
        pass  # it left, or said something that is no text
    finally:
        mine.discard(tab)


@contextmanager
def hub_on() -> Iterator[str]:
    """Serve it; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="websockets-sansio"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
