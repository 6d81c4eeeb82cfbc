"""The server that hubfuzz starts, watches and always stops; or the one that runs already."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from fuzzer.target.config import reveal
from fuzzer.target.endpoint import address
from fuzzer.target.errors import ServerError
from fuzzer.target.log import ServerLog
from fuzzer.target.model import Target
from fuzzer.target.readiness import answers, until_ready
from fuzzer.target.template import fill
from fuzzer.target.tree import ProcessTree
from fuzzer.target.watchdog import Watchdog

__all__ = ["Server", "ServerError", "serve"]

NOT_OURS = "a server that hubfuzz did not start (target.start is not set)"
STARTS = 3  # a free port may be taken by somebody else before the server binds it


class Server:
    """A running server. ``pid`` is None for one that hubfuzz did not start; ``port`` is the URL's then."""

    port: int | None = None
    pid: int | None = None

    def exit_status(self) -> int | None:
        """None while it runs; else its exit status, negative for a signal."""
        return None

    def killed_ago(self) -> float:
        """The seconds since a process of it last ended otherwise than in good order (status 0); infinite if none has.

        What it held in a store may be held until a lease is over."""
        return math.inf

    def new_errors(self) -> tuple[str, ...]:
        """Log lines since the last call that hold one of ``probe.log_errors``."""
        return ()

    def recent(self) -> tuple[str, ...]:
        """What ``new_errors`` came by since this was asked before, errors or not; the last lines of it."""
        return ()

    def tail(self, lines: int = 20) -> str:
        """The end of the log."""
        return ""

    def is_alive(self) -> bool:
        """Some process of the server's tree still runs."""
        return True

    def resources(self) -> dict[str, int]:
        """``fds``, ``threads``, ``rss`` (bytes) and ``processes`` of the whole tree; empty if they are not known."""
        return {}

    def close_wait(self) -> int:
        """TCP connections of the tree whose peer has ended and that it keeps open."""
        return 0

    async def pause(self) -> None:
        """Stop the whole tree where it stands, until ``go_on``. Raises ``ServerError``."""
        raise ServerError("cannot pause " + NOT_OURS)

    def go_on(self) -> None:
        """Let a paused tree go on."""

    def stands_still(self) -> bool:
        """Some process of the server's tree is stopped (SIGSTOP), by whomever."""
        return False

    async def shut_down(self, patience: float) -> int | None:
        """Tell it to end (SIGTERM); its exit status, or None if it had to be killed. Raises ``ServerError``."""
        raise ServerError("cannot end " + NOT_OURS)

    async def start(self) -> None:
        """Start it again after ``shut_down``. Raises ``ServerError``."""
        raise ServerError("cannot start " + NOT_OURS)

    async def restart(self) -> None:
        """End it and start it again; ``port`` and ``pid`` change. Raises ``ServerError``."""
        raise ServerError("cannot restart " + NOT_OURS)


class StartedServer(Server):
    """A server started from ``target.start``, in a process group of its own, with its output in a log file."""

    def __init__(self, target: Target, log: ServerLog, watchdog: Watchdog) -> None:
        self._target = target
        self._log = log
        self._watchdog = watchdog
        self._process: subprocess.Popen[bytes] | None = None
        self._tree: ProcessTree | None = None
        self._killed_at = -math.inf

    def killed_ago(self) -> float:
        return time.monotonic() - self._killed_at

    def exit_status(self) -> int | None:
        status = None if self._process is None else self._process.poll()
        if status is not None:
            self.kill()  # at once: later the number of its group may belong to somebody else
        return status

    def new_errors(self) -> tuple[str, ...]:
        return self._log.new_lines_with(self._target.probe.log_errors)

    def recent(self) -> tuple[str, ...]:
        return self._log.recent()

    def tail(self, lines: int = 20) -> str:
        return self._log.tail(lines)

    def is_alive(self) -> bool:
        return self._tree is not None and self._tree.is_alive()

    def resources(self) -> dict[str, int]:
        return {} if self._tree is None else self._tree.resources()

    def close_wait(self) -> int:
        return 0 if self._tree is None else self._tree.close_wait()

    async def pause(self) -> None:
        if self._tree is not None:
            await self._tree.pause()

    def go_on(self) -> None:
        if self._tree is not None:
            self._tree.go_on()

    def stands_still(self) -> bool:
        return self._tree is not None and self._tree.stands_still()

    async def shut_down(self, patience: float) -> int | None:
        """The leader may be a mere wrapper, so all of the tree gets the time; what is then left of it is killed."""
        if self._tree is None or self._process is None:
            return None
        try:
            await self._tree.end_gently(self._process, patience, all_of_it=True)
            return None if self._tree.is_alive() else self._process.poll()
        finally:
            self.kill()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def start(self) -> None:
        """Start it and wait until it answers; raises ``ServerError`` (one line; ``log`` holds its output)."""
        for attempt in range(1, STARTS + 1):
            await self._refuse_a_stranger()
            self._launch()
            assert self._process is not None
            trouble = await until_ready(self._target, self.port, self._process)
            if trouble is None:
                return self._note_ready()
            await self.stop()
            if attempt == STARTS or not self._log.says_port_taken() or "{port}" not in self._target.url:
                raise ServerError(self._line(trouble), self.tail())
        return None

    def _note_ready(self) -> None:
        """What it said while starting is no error of a plan; who has left its group is known while it lives."""
        self._log.skip_to_end()
        if self._tree is not None:
            self._tree.members()

    async def _refuse_a_stranger(self) -> None:
        """With a fixed port, a server that was left running would answer in place of ours, which dies."""
        if "{port}" in self._target.url:
            return
        host, port = address(self._target.url, None)
        if await answers(host, port):
            raise ServerError(
                f"target.url: something listens on port {port} already; stop it, or let hubfuzz choose by {{port}}"
            )

    def _line(self, trouble: str) -> str:
        said = self._log.last_line()
        return f"{self._target.name}: the server {trouble}" + (f"; it said: {said}" if said else "; it said nothing")

    @trio.lowlevel.enable_ki_protection  # Ctrl-C must not come between the start and the guard
    def _launch(self) -> None:
        self._log.clear()
        self.port = free_port() if "{port}" in self._target.url else address(self._target.url, None)[1]
        words = [fill(word, port=str(self.port), python=sys.executable) for word in self._target.start or ()]
        env = self._environment()
        try:
            with self._log.open_for_server() as output:
                self._process = subprocess.Popen(
                    words,
                    cwd=self._target.cwd or None,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,  # its own process group: it is ended as a whole, and Ctrl-C is ours
                )
        except OSError as error:
            raise ServerError(self._not_started(words[0], error)) from None
        except ValueError as error:  # of a target that was made in Python, which nothing has checked
            raise ServerError(f"target.start or target.env: cannot start {words[0]!r}: {error}") from None
        self.pid = self._process.pid
        self._watchdog.guard(self.pid)
        self._tree = ProcessTree(self.pid)

    def _not_started(self, command: str, error: OSError) -> str:
        if isinstance(error, FileNotFoundError) and Path(self._target.cwd or ".").is_dir():
            return f"target.start: command not found: {command!r}"
        return f"target.start: cannot start {command!r}: {os.strerror(error.errno or 0).lower()}"

    def _environment(self) -> dict[str, str]:
        """Ours, with ``target.env``; commands beside our own Python are found even if it was started by its path."""
        beside = os.path.dirname(sys.executable)
        env = {**os.environ, "PATH": os.pathsep.join(filter(None, [os.environ.get("PATH"), beside]))}
        env.setdefault("PYTHONUNBUFFERED", "1")
        for name, value in self._target.env.items():
            text = reveal(value, f"target.env.{name}")
            env[name] = fill(text, port=str(self.port), python=sys.executable)
        return env

    async def stop(self) -> None:
        """End the whole tree: SIGTERM, and SIGKILL after a grace time. Works inside a cancelled scope too."""
        with trio.CancelScope(shield=True):
            try:
                if self._tree is not None and self._process is not None:
                    await self._tree.end_gently(self._process)
            finally:
                self.kill()

    def kill(self) -> None:
        """End the whole tree at once. Synchronous and idempotent."""
        if self._tree is not None and self._process is not None:
            self._tree.kill()
            if self._process.wait() != 0:
                self._killed_at = time.monotonic()
            self._watchdog.release(self._process.pid)
            self._tree = None


@asynccontextmanager
async def serve(target: Target) -> AsyncIterator[Server]:
    """The target's server, for as long as the block runs. Raises ``ServerError`` if there is none that answers."""
    if target.start is None:
        yield await _reach(target)
        return
    with tempfile.TemporaryDirectory(prefix="hubfuzz-") as folder, contextlib.closing(Watchdog()) as watchdog:
        server = StartedServer(target, ServerLog(Path(folder) / "server.log"), watchdog)
        try:
            await server.start()
            yield server
        finally:
            await server.stop()


async def _reach(target: Target) -> Server:
    host, port = address(target.url, None)
    if not await answers(host, port):
        raise ServerError(
            f"{target.name}: nothing answers at {host}:{port}; start the server, or let hubfuzz do it by target.start"
        )
    server = Server()
    server.port = port
    return server


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
