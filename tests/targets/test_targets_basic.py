"""The hubs that hubfuzz is tested on do what their target files say, seen with another client than hubfuzz's own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import jwt
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

pytestmark = pytest.mark.targets

SECRET = "a secret for tests alone, of 32 bytes or more"
PATIENCE = 10.0
UVICORN = ["-m", "uvicorn", "--log-level", "warning"]
HUBS = {
    "tutorial": [*UVICORN, "tutorial_hub:app"],
    "fastapi": [*UVICORN, "fastapi_hub:app"],
    "websockets": ["websockets_hub.py"],
}
CORRECT = ["fastapi", "websockets"]


def token(user: str, *, key: str = SECRET, algorithm: str = "HS256", lifetime: int = 300) -> str:
    claims = {"sub": user, "exp": int(time.time()) + lifetime}
    return jwt.encode(claims, None if algorithm == "none" else key, algorithm)


class Hub:
    """A started hub and how to speak to it."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._port = port
        self._stack = stack

    def open(self, user: str = "ann", **how: str | int) -> ClientConnection:
        return self.open_with(token(user, **how))  # type: ignore[arg-type]

    def open_with(self, text: str) -> ClientConnection:
        url = f"ws://127.0.0.1:{self._port}/ws?token={text}"
        return self._stack.enter_context(connect(url, open_timeout=PATIENCE, close_timeout=PATIENCE))

    def counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/stats", timeout=PATIENCE) as answer:
            return dict(json.load(answer))


@contextmanager
def started(name: str, port: int) -> Iterator[None]:
    command = [sys.executable, *HUBS[name], "--port", str(port)]
    process = subprocess.Popen(command, cwd=Path(__file__).parent, env={**os.environ, "JWT_SECRET": SECRET})
    try:
        wait_for_port(port, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"{process.args!r} does not listen on {port}")


def hub(name: str) -> Iterator[Hub]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with started(name, port), ExitStack() as stack:
        yield Hub(port, stack)


@pytest.fixture(params=HUBS)
def any_hub(request: pytest.FixtureRequest) -> Iterator[Hub]:
    yield from hub(request.param)


@pytest.fixture(params=CORRECT)
def correct_hub(request: pytest.FixtureRequest) -> Iterator[Hub]:
    yield from hub(request.param)


@pytest.fixture
def fastapi_hub() -> Iterator[Hub]:
    yield from hub("fastapi")


@pytest.fixture
def websockets_hub() -> Iterator[Hub]:
    yield from hub("websockets")


def publish(tab: ClientConnection, name: str, body: str = "hello") -> None:
    tab.send(json.dumps({"type": "broadcast", "id": name, "body": body}))


def next_of(tab: ClientConnection, kind: str) -> dict[str, str]:
    """The next frame of that type, past the welcome of the hubs that send one."""
    while True:
        frame = json.loads(tab.recv(timeout=PATIENCE))
        if frame["type"] == kind:
            return dict(frame)


def join(some: Hub, user: str, name: str) -> ClientConnection:
    """Open a tab and see its own message come back, so that it is a member for certain."""
    tab = some.open(user)
    publish(tab, name)
    while next_of(tab, "message")["id"] != name:
        pass
    return tab


def close_code(tab: ClientConnection) -> int | None:
    """Read on until the server has closed the tab."""
    try:
        while True:
            tab.recv(timeout=PATIENCE)
    except ConnectionClosed:
        return tab.close_code


def counts_become_zero(some: Hub) -> bool:
    end = time.monotonic() + PATIENCE
    while any(some.counts().values()) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(some.counts().values())


def test_a_message_reaches_every_tab_of_its_user_and_nobody_else(any_hub: Hub) -> None:
    tabs = [join(any_hub, "ann", f"join-{number}") for number in range(4)]
    stranger = join(any_hub, "bob", "join-bob")
    publish(tabs[0], "m", 'häl"lo\n')
    for tab in tabs:
        while (message := next_of(tab, "message"))["id"] != "m":
            assert message["id"].startswith("join-")
        assert message["body"] == 'häl"lo\n'
    publish(stranger, "own")
    assert next_of(stranger, "message")["id"] == "own"


def test_bad_tokens_do_not_get_in(any_hub: Hub) -> None:
    bad = {
        "none": "",
        "garbage": "e30.e30.e30",
        "expired": token("ann", lifetime=-60),
        "foreign": token("ann", key="another secret of 32 bytes or even more"),
        "unsigned": token("ann", algorithm="none"),
        "other algorithm": token("ann", algorithm="HS512", key=SECRET * 2),
        "truncated": token("ann")[:-4],
        "no subject": jwt.encode({"exp": int(time.time()) + 300}, SECRET, "HS256"),
    }
    answers = {}
    for name, text in bad.items():
        with pytest.raises(InvalidStatus) as refusal:
            any_hub.open_with(text)
        answers[name] = refusal.value.response.status_code
    assert set(answers.values()) <= {401, 403}


def test_what_makes_no_sense_is_answered_and_changes_nothing(correct_hub: Hub) -> None:
    tabs = [join(correct_hub, "ann", f"join-{number}") for number in range(2)]
    for nonsense in ("", "{", "[]", "[" * 100_000, '{"type": "broadcast", "id": 1, "body": "x"}', b"\x00"):
        tabs[0].send(nonsense)
        assert next_of(tabs[0], "error")
    publish(tabs[0], "m")
    while next_of(tabs[1], "message")["id"] != "m":
        pass


def test_counts_follow_opens_and_closes_and_return_to_zero(correct_hub: Hub) -> None:
    tabs = [join(correct_hub, "ann", f"join-{number}") for number in range(3)]
    join(correct_hub, "bob", "join-bob").close()
    tabs[0].close()
    tabs[1].socket.shutdown(socket.SHUT_RDWR)
    publish(tabs[2], "m")
    while next_of(tabs[2], "message")["id"] != "m":
        pass
    tabs[2].close()
    assert counts_become_zero(correct_hub)


def test_a_tab_that_does_not_read_delays_nobody(correct_hub: Hub) -> None:
    sender, reader = (join(correct_hub, "ann", f"join-{number}") for number in range(2))
    deaf = correct_hub.open("ann")
    body = "x" * 500_000
    for number in range(24):  # well above what kernel, server and outbox hold for the deaf one
        publish(sender, f"m{number}", body)
        for tab in (sender, reader):
            while (message := next_of(tab, "message"))["id"] != f"m{number}":
                assert message["id"].startswith("join-")
    deaf.socket.shutdown(socket.SHUT_RDWR)


def test_the_fastapi_hub_refuses_the_sixth_tab_until_one_has_left(fastapi_hub: Hub) -> None:
    tabs = [join(fastapi_hub, "ann", f"join-{number}") for number in range(5)]
    assert close_code(fastapi_hub.open("ann")) == 4429
    join(fastapi_hub, "bob", "join-bob")
    tabs[0].close()
    assert join(fastapi_hub, "ann", "again")


def test_the_websockets_hub_sends_the_oldest_tab_away(websockets_hub: Hub) -> None:
    tabs = [join(websockets_hub, "ann", f"join-{number}") for number in range(5)]
    newest = join(websockets_hub, "ann", "newest")
    assert close_code(tabs[0]) == 4408
    publish(tabs[1], "m")
    for tab in (*tabs[1:], newest):
        while next_of(tab, "message")["id"] != "m":
            pass
    assert websockets_hub.counts()["connections"] == 5
