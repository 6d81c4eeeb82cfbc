"""What makes the life of a hub hard while it is fuzzed: busy cores, a server that stands still, a slow wire."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
import psutil
import trio

from fuzzer.target import Target
from fuzzer.target.process import Server
from fuzzer.target.readiness import listens
from tests.benchmarks.processes import started

# Ends by itself when the benchmark is killed and cannot end it.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"
NICE = 10
LOOK_EVERY = 0.1
LOOK_AGAIN = 20
LONGEST_PAUSE = 3.0
START = 2.0
"""Seconds that a new server process is left alone at most, until it listens."""
GAP = 0.15
"""Seconds between two pauses, in the mean."""
SLOW_WIRE = Path(__file__).with_name("slow_wire.py")


@contextmanager
def busy_cores(wanted: bool) -> Iterator[None]:
    """Keep every core busy, meanwhile, with processes of a higher priority than this one, which steps back for good.

    They belong to our own session, within which priorities count; that of the session itself is not touched, since the
    shell or the test run that started us is in it, too.
    """
    with ExitStack() as stack:
        for _ in range((os.cpu_count() or 1) if wanted else 0):
            stack.enter_context(started("-c", BUSY))
        if wanted:
            os.setpriority(os.PRIO_PROCESS, 0, NICE)
        yield


def step_back(pid: int) -> None:
    """Lower the priority of a server and of the session that is its own: Linux may share cores between sessions first.

    Source: sched(7), the autogroup feature.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        Path(f"/proc/{pid}/autogroup").write_text(str(NICE))


async def keep_back(server: Server) -> None:
    """Let it step back, and again whenever it has been started again. Goes on until cancelled."""
    known = None
    while True:
        if server.pid not in (None, known):
            known = server.pid
            step_back(known)
        await trio.sleep(LOOK_EVERY)


def behind_slow_wire(target: Target) -> Target:
    """The same target, each connection of which goes through ``slow_wire.py``."""
    command = [word.replace("{port}", "@port@") for word in target.start or ()]
    start = ("{python}", str(SLOW_WIRE), "--port", "{port}", "--", *command)
    return msgspec.structs.replace(target, start=start)


def processes_of(server: Server) -> list[psutil.Process]:
    """The server's processes, without the slow wire before it; none while it is being started again."""
    if server.pid is None:
        return []
    try:
        root = psutil.Process(server.pid)
        below = root.children(recursive=True)
        return below if str(SLOW_WIRE) in root.cmdline() else [root, *below]
    except psutil.NoSuchProcess:
        return []


class Pauses:
    """Stops the server at drawn moments for up to ``LONGEST_PAUSE`` seconds; short ones are more frequent."""

    def __init__(self, seed: int) -> None:
        self.count = 0
        self._random = random.Random(seed)
        self._started: int | None = None
        self._found: tuple[int | None, list[psutil.Process]] = (None, [])

    async def disturb(self, server: Server) -> None:
        """Go on until cancelled; the server runs afterwards."""
        while True:
            await self._let_it_start(server)
            await trio.sleep(self._random.expovariate(1 / GAP))
            processes = self._processes(server)
            try:
                each(processes, "suspend")
                self.count += 1
                await trio.sleep(LONGEST_PAUSE * self._random.random() ** 2)
            finally:
                each(processes, "resume")

    def _processes(self, server: Server) -> list[psutil.Process]:
        """Looked for when the server is another, and every ``LOOK_AGAIN`` pauses: it takes long where many run."""
        if self._found[0] != server.pid or self.count % LOOK_AGAIN == 0:
            self._found = (server.pid, processes_of(server))
        return self._found[1]

    async def _let_it_start(self, server: Server) -> None:
        """A server that is stopped most of the time is not ready in time, and then there is nothing to fuzz."""
        if server.pid != self._started:
            with trio.move_on_after(START):
                while server.pid is None or not listens(server.pid, server.port):
                    await trio.sleep(LOOK_EVERY)
            self._started = server.pid


def each(processes: Iterable[psutil.Process], what: str) -> None:
    """``suspend`` (SIGSTOP) or ``resume`` (SIGCONT) those that are still there."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            getattr(process, what)()
