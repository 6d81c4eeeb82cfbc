"""A started server becomes ready, is watched, and is gone afterwards, however the block ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import trio
from target_servers import GENTLE, PROTOCOL, STUBBORN, WITH_CHILDREN, assert_gone, pids_of, run, script, tell

from fuzzer.target import Target, process
from fuzzer.target.config import Probe
from fuzzer.target.process import Server, serve


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
        signal.raise_signal(signal.SIGINT)
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
        assert 0 <= server.killed_ago() < 60

    run(script(), die)


def test_one_that_ends_in_good_order_was_not_killed() -> None:
    async def end(server: Server) -> None:
        await server.shut_down(5.0)
        assert server.exit_status() == 0
        assert server.killed_ago() == float("inf")

    run(script(GENTLE), end)


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


ANSWERS = """
import http.server, sys, time
time.sleep(float(sys.argv[2]))
class Ok(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ok).serve_forever()
"""


def answering(after: float) -> Target:
    start = ("{python}", "-c", ANSWERS, "{port}", str(after))
    ready = "http://127.0.0.1:{port}/"
    return Target(name="chat", url="ws://127.0.0.1:{port}/", protocol=PROTOCOL, start=start, ready=ready)


def test_a_stranger_who_has_taken_the_port_is_not_our_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was free a moment ago; our server begins to listen later, finds it taken, and is started on another."""
    ports: list[int] = []

    async def look(server: Server) -> None:
        ports.append(server.port or 0)
        assert server.exit_status() is None

    async def beside(stranger: Server) -> None:
        real, first = process.free_port, iter([stranger.port or 0])
        monkeypatch.setattr(process, "free_port", lambda: next(first, None) or real())
        async with serve(answering(0.7)) as server:
            await trio.sleep(1.0)
            await look(server)
            assert server.port != stranger.port

    run(answering(0.0), beside)
    assert ports
