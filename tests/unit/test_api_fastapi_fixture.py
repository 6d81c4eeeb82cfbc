"""``fuzz`` against an application that a fixture starts in a thread of the test's own process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from hypothesis.stateful import run_state_machine_as_test

from fuzzer import HubFailure, Limit, Policy, Target, fuzz
from fuzzer.target.config import JsonProtocol, Match
from strategies import HubMachine

PROTOCOL = JsonProtocol(
    publish='{"type": "say", "id": "{id}", "body": "{body}"}',
    deliver=Match(match={"type": "say"}, id="id", body="body"),
    welcome=Match(match={"type": "welcome"}),
)
HUB = Target(
    name="app of a fixture",
    url="ws://127.0.0.1:{port}/ws/{user}",
    protocol=PROTOCOL,
    policy=Policy(join_evidence="welcome", echo="always", limit=Limit(max=2, codes=(4429,)), t_release=1.0),
)


def application(limit: int) -> FastAPI:
    """A hub that lets one user have ``limit`` tabs."""
    app = FastAPI()
    tabs: dict[str, set[WebSocket]] = {}

    @app.websocket("/ws/{user}")
    async def hub(tab: WebSocket, user: str) -> None:
        mine = tabs.setdefault(user, set())
        await tab.accept()
        if len(mine) >= limit:
            await tab.close(4429)
            return
        mine.add(tab)
        try:
            await tab.send_json({"type": "welcome"})
            while True:
                await publish(mine, await tab.receive_text())
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass  # it left, or said something that is no text
        finally:
            mine.discard(tab)

    return app


async def publish(tabs: set[WebSocket], text: str) -> None:
    """To each in turn. One that does not read holds up the others, which is not what these tests judge."""
    for tab in list(tabs):
        try:
            await tab.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            continue


@pytest.fixture
def serve() -> Iterator[object]:
    """Starts applications in daemon threads and says where; stops them after the test."""
    running: list[tuple[uvicorn.Server, threading.Thread, socket.socket]] = []

    def start(app: FastAPI) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="websockets-sansio"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread, listener))
        return f"ws://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, thread, listener in running:
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive()


def test_an_application_that_keeps_its_limit(serve) -> None:  # type: ignore[no-untyped-def]
    result = fuzz(HUB.at(serve(application(limit=2))), seconds=None, plans=8, only=["HF201"], failures=None)
    assert result.exercised


def test_an_application_that_does_not(serve, tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(HubFailure, match="limit-exceeded"):
        fuzz(HUB.at(serve(application(limit=3))), plans=20, seconds=None, only=["HF201"], failures=tmp_path)
    assert list(tmp_path.glob("HF201-*.json"))


def test_a_state_machine_against_it(serve) -> None:  # type: ignore[no-untyped-def]
    class Hub(HubMachine):
        target = HUB.at(serve(application(limit=3)))

    with pytest.raises(HubFailure, match="limit-exceeded"):
        run_state_machine_as_test(Hub)
