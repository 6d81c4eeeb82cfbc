"""A started server becomes ready, is watched, and is gone afterwards, however the block ends."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
import trio

from fuzzer.target import ServerError, Target
from fuzzer.target.config import EnvRef, JsonProtocol, Match, Probe
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


def test_a_server_is_ready_watched_and_ended() -> None:
    pids: list[int] = []

    async def look(server: Server) -> None:
        pids.extend(pids_of(server))
        assert server.exit_status() is None
        assert server.is_alive()
        assert server.tail(1) == "listening"
        resources = server.resources()
        assert resources["processes"] == 1
        assert resources["fds"] >= 4
        assert resources["threads"] == 1
        assert resources["rss"] > 1_000_000

    run(script(), look)
    assert_gone(pids)


def test_it_is_ended_when_the_block_raises() -> None:
    pids: list[int] = []

    async def fail(server: Server) -> None:
        pids.extend(pids_of(server))
        raise KeyError("boom")

    with pytest.raises(KeyError):
        run(script(), fail)
    assert_gone(pids)


def test_it_is_ended_when_the_block_is_cancelled() -> None:
    pids: list[int] = []

    async def main() -> None:
        with trio.CancelScope() as scope:
            async with serve(script()) as server:
                pids.extend(pids_of(server))
                scope.cancel()
                await trio.sleep_forever()

    trio.run(main)
    assert_gone(pids)


def test_it_is_ended_when_the_start_is_cancelled(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = "import os, sys, time\nopen(sys.argv[2], 'w').write(str(os.getpid()))\ntime.sleep(600)"
    target = script(code)
    target = Target(name="x", url=target.url, protocol=PROTOCOL, start=(*(target.start or ()), str(note)))

    async def main() -> None:
        async with trio.open_nursery() as nursery:

            async def start() -> None:
                async with serve(target):
                    raise AssertionError("it was ready")

            nursery.start_soon(start)
            while not (note.exists() and note.read_text()):
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert_gone([int(note.read_text())])


def test_it_is_ended_on_ctrl_c() -> None:
    pids: list[int] = []

    async def interrupt(server: Server) -> None:
        pids.extend(pids_of(server))
        os.kill(os.getpid(), signal.SIGINT)
        await trio.sleep_forever()

    with pytest.raises(BaseException) as caught:  # noqa: PT011 - alone or in a group, as trio likes
        run(script(), interrupt)
    group = caught.value
    assert isinstance(group.exceptions[0] if isinstance(group, BaseExceptionGroup) else group, KeyboardInterrupt)
    assert_gone(pids)


def test_a_stubborn_server_is_killed() -> None:
    pids: list[int] = []

    async def look(server: Server) -> None:
        pids.extend(pids_of(server))

    run(script(STUBBORN), look)
    assert_gone(pids)


def test_a_stopped_server_is_ended() -> None:
    pids: list[int] = []

    async def freeze(server: Server) -> None:
        pids.extend(pids_of(server))
        os.kill(pids[0], signal.SIGSTOP)

    run(script(), freeze)
    assert_gone(pids)


def test_children_are_ended_too_even_outside_the_group() -> None:
    pids: list[int] = []

    async def look(server: Server) -> None:
        pids.extend(pids_of(server, 3))
        assert server.resources()["processes"] == 3

    run(script(WITH_CHILDREN), look)
    assert_gone(pids)


def test_a_server_that_ends_by_itself_is_noticed_and_its_children_are_ended() -> None:
    async def die(server: Server) -> None:
        pids = pids_of(server, 3)
        await tell(server, b"die")
        while server.exit_status() is None:
            await trio.sleep(0.01)
        assert server.exit_status() == 7
        assert not server.is_alive()
        assert server.resources() == {}
        assert_gone(pids)

    run(script(WITH_CHILDREN), die)


def test_a_signal_is_a_negative_status() -> None:
    async def die(server: Server) -> None:
        os.kill(server.pid or 0, signal.SIGKILL)
        while server.exit_status() is None:
            await trio.sleep(0.01)
        assert server.exit_status() == -9

    run(script(), die)


def test_a_restart_gives_a_fresh_process() -> None:
    async def restart(server: Server) -> None:
        before = pids_of(server)
        await server.restart()
        assert_gone(before)
        assert pids_of(server) != before
        assert server.exit_status() is None
        await tell(server, b"die")
        while server.exit_status() is None:
            await trio.sleep(0.01)
        await server.restart()
        assert server.exit_status() is None
        await tell(server, b"alive")

    run(script(), restart)


def test_log_errors_are_told_once_and_not_from_before_it_was_ready() -> None:
    async def look(server: Server) -> None:
        assert server.new_errors() == ()
        await tell(server, b"fine\nTraceback (most\n  \xff bad: ")
        assert server.new_errors() == ("Traceback (most",)
        assert server.new_errors() == ()
        await tell(server, b"KeyError\nTrace")
        assert server.new_errors() == ("  \ufffd bad: KeyError",)
        assert server.tail(2) == "  \ufffd bad: KeyError\nTrace"
        assert server.recent() == ("fine", "Traceback (most", "  \ufffd bad: KeyError")
        assert server.recent() == ()

    run(script(probe=Probe(log_errors=("Traceback", "bad:"))), look)


def test_without_patterns_nothing_is_an_error() -> None:
    async def look(server: Server) -> None:
        await tell(server, b"Traceback\n")
        assert server.new_errors() == ()

    run(script(), look)


def test_ready_is_asked_by_url() -> None:
    async def look(server: Server) -> None:
        assert server.exit_status() is None

    run(script(ready="http://127.0.0.1:{port}/health"), look)


def test_never_ready_by_url() -> None:
    target = script(ready="http://127.0.0.1:{port}/health", ready_timeout=1.0, env={"STATUS": "503"})
    line = str(failure(target))
    assert line.startswith("chat: the server was not ready within 1 s (GET http://127.0.0.1:")
    assert line.endswith("/health gave no 2xx); it said: listening")


def test_never_listening() -> None:
    line = str(failure(script("import time; time.sleep(600)", ready_timeout=0.5)))
    assert line.startswith("chat: the server was not ready within 0.5 s (nothing listens on port ")
    assert line.endswith("); it said nothing")


def test_a_server_that_dies_at_once() -> None:
    error = failure(script("print('one'); print('ValueError: no database'); print(); raise SystemExit(3)"))
    assert str(error) == ("chat: the server ended with status 3 before it answered; it said: ValueError: no database")
    assert error.log == "one\nValueError: no database\n"


def test_a_command_that_is_not_there() -> None:
    target = Target(name="x", url="ws://127.0.0.1:{port}/", protocol=PROTOCOL, start=("hf-no-such-command", "x"))
    assert str(failure(target)) == "target.start: command not found: 'hf-no-such-command'"


def test_a_command_that_may_not_run(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    target = Target(name="x", url="ws://127.0.0.1:{port}/", protocol=PROTOCOL, start=(str(plain),))
    assert str(failure(target)) == f"target.start: cannot start '{plain}': permission denied"


def test_the_environment_and_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_SECRET", "s3")
    env = {"A": "on {port}", "B": EnvRef("HF_SECRET")}
    code = "import os\nprint(os.environ['A'], os.environ['B'], os.getcwd())\nraise SystemExit(1)"
    said = failure(script(code, env=env, cwd=str(tmp_path))).log
    words = said.split()
    assert (words[0], words[2:]) == ("on", ["s3", str(tmp_path)])
    assert words[1].isdigit()


def test_commands_beside_our_python_are_found() -> None:
    beside = Path(sys.executable).parent
    error = failure(
        script(f"import os\nprint({str(beside)!r} in os.environ['PATH'].split(os.pathsep))\nraise SystemExit(1)")
    )
    assert error.log == "True"


def test_another_port_is_tried_when_somebody_was_faster(tmp_path: Path) -> None:
    flag = tmp_path / "tried"
    code = f"""
import pathlib
if not pathlib.Path({str(flag)!r}).exists():
    pathlib.Path({str(flag)!r}).touch()
    raise OSError(98, "Address already in use")
{SERVER}"""

    async def look(server: Server) -> None:
        assert server.tail(1) == "listening"

    run(script(code), look)


def test_a_server_that_was_left_running_is_not_taken_for_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        target = Target(name="x", url=f"ws://127.0.0.1:{port}/", protocol=PROTOCOL, start=("{python}", "-c", "1"))
        assert str(failure(target)) == (
            f"target.url: something listens on port {port} already; stop it, or let hubfuzz choose by {{port}}"
        )


def test_a_server_that_runs_already() -> None:
    async def look(server: Server) -> None:
        assert (server.port, server.pid, server.exit_status(), server.new_errors()) == (port, None, None, ())
        assert (server.tail(), server.resources(), server.is_alive()) == ("", {}, True)
        with pytest.raises(ServerError, match=r"^cannot restart a server that hubfuzz did not start"):
            await server.restart()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        run(Target(name="x", url=f"ws://127.0.0.1:{port}/", protocol=PROTOCOL), look)


def test_a_server_that_does_not_run() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        line = str(failure(Target(name="x", url=f"ws://127.0.0.1:{port}/", protocol=PROTOCOL)))
    assert line == (f"x: nothing answers at 127.0.0.1:{port}; start the server, or let hubfuzz do it by target.start")
