"""Small servers for tests of starting and ending one, each a script on a command line."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import psutil
import pytest
import trio

from fuzzer.target import ServerError, Target
from fuzzer.target.config import JsonProtocol, Match
from fuzzer.target.process import Server, serve

PROTOCOL = JsonProtocol(publish='["{id}", "{body}"]', deliver=Match())

SERVER = """
import os, signal, socket, sys, time
lines = os.environ.get("SAY", "")
print("starting", flush=True)
print("Traceback while starting", flush=True)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    peer, _ = listener.accept()
    data = peer.recv(1000)
    if data.startswith(b"GET"):
        peer.sendall(b"HTTP/1.1 %d X\\r\\nContent-Length: 0\\r\\n\\r\\n" % int(os.environ.get("STATUS", 200)))
    elif data == b"die":
        sys.exit(7)
    else:
        os.write(1, data)
    peer.close()
"""
GENTLE = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + SERVER
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
WITH_CHILDREN = (
    """
import subprocess, sys
sleep = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"]
subprocess.Popen(sleep)
subprocess.Popen(sleep, start_new_session=True)
"""
    + SERVER
)


def script(code: str = SERVER, **more: object) -> Target:
    start = ("{python}", "-c", code, "{port}")
    return Target(name="chat", url="ws://127.0.0.1:{port}/", protocol=PROTOCOL, start=start, **more)  # type: ignore[arg-type]


def run(target: Target, act: Callable[[Server], Awaitable[None]]) -> None:
    async def main() -> None:
        with trio.fail_after(30):
            async with serve(target) as server:
                await act(server)

    trio.run(main)


def failure(target: Target) -> ServerError:
    async def nothing(server: Server) -> None:
        raise AssertionError("it was ready")

    with pytest.raises(ServerError) as caught:
        run(target, nothing)
    assert "\n" not in str(caught.value)
    return caught.value


async def tell(server: Server, data: bytes) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", server.port or 0)
    async with stream:
        await stream.send_all(data)
        assert await stream.receive_some() == b""


def pids_of(server: Server, processes: int = 1) -> list[int]:
    assert server.pid is not None
    found = [server.pid, *(child.pid for child in psutil.Process(server.pid).children(recursive=True))]
    assert len(found) == processes
    return found


def assert_gone(pids: list[int]) -> None:
    """SIGKILL takes effect a moment after it was sent."""
    for _ in range(1000):
        if not any(is_running(pid) for pid in pids):
            return
        time.sleep(0.01)
    raise AssertionError(f"still there: {[pid for pid in pids if is_running(pid)]}")


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
