"""One worker process as its parent sees it: started, heard, and ended whatever happens."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

import msgspec
import trio

import fuzzer
from fuzzer.campaign.options import Result
from fuzzer.campaign.store import Stored
from fuzzer.target.log import last_line_of
from fuzzer.target.watchdog import Watchdog
from fuzzer.workers.messages import Job, News, Order, Share, Unpacker, packed

GRACE = 12.0  # seconds: longer than a worker needs to end its server, which has a grace time of its own
SILENCE = 60  # ticks of a second without a word, in which this process itself was awake
FOLDER = str(Path(fuzzer.__file__).parent.parent)
# -P: a folder of the user's own that is called like one of ours must not be found first.
COMMAND = (
    sys.executable,
    "-P",
    "-c",
    f"import sys; sys.path.insert(0, {FOLDER!r}); from fuzzer.workers.worker import main; sys.exit(main())",
)

Hear = Callable[["Hand", News], None]


class Hand:
    """``number`` counts from 1. ``shares`` are handed out and not done, ``executed`` plans of the first of them are;
    ``stored`` failures are not yet replayed; ``result`` is None if it ended without one."""

    def __init__(self, number: int, job: Job) -> None:
        self.number = number
        self.pid: int | None = None
        self.shares: deque[Share] = deque()
        self.executed = 0
        self.plans = 0
        self.stored: deque[Stored] = deque(job.stored)
        self.met: Counter[str] = Counter()
        self.warned: list[str] = []
        self.result: Result | None = None
        self.ready = self.shrinking = False
        self.late = self.broken = False
        self.trouble = ""
        self._job = job
        self._quiet = 0
        self._process: trio.Process | None = None
        self._send, self._orders = trio.open_memory_channel[Order](math.inf)

    def tell(self, order: Order) -> None:
        """Queue an order; in vain if the worker is gone."""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            self._send.send_nowait(order)

    async def work(self, watchdog: Watchdog, hear: Hear) -> None:
        """Start the process and pass its news on until it has ended. Nothing of it is left afterwards."""
        with tempfile.TemporaryFile(prefix="hubfuzz-worker-") as errors:
            process = await self._start(errors.fileno(), watchdog)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write, process)
                    nursery.start_soon(self._listen_for_silence)
                    await self._read(process, hear)
                    with trio.move_on_after(GRACE):
                        await process.wait()
                    nursery.cancel_scope.cancel()
            finally:
                await self._end(process, watchdog)
            self.trouble = self.trouble or _how(process.returncode, _last_line(errors.fileno()))

    def kill(self) -> None:
        """End its process group at once; its own watchdog ends its server."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    # ---- inside ------------------------------------------------------------------------------------------------------

    @trio.lowlevel.enable_ki_protection  # Ctrl-C must not come between the start and the guard
    async def _start(self, errors: int, watchdog: Watchdog) -> trio.Process:
        with trio.CancelScope(shield=True):
            process = await trio.lowlevel.open_process(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C in the terminal is for us: we end the workers in order
            )
        watchdog.guard(process.pid)
        self._process, self.pid = process, process.pid
        return process

    async def _write(self, process: trio.Process) -> None:
        assert process.stdin is not None
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await process.stdin.send_all(packed(self._job))
            async for order in self._orders:
                await process.stdin.send_all(packed(order))

    async def _read(self, process: trio.Process, hear: Hear) -> None:
        assert process.stdout is not None
        unpacker = Unpacker(News)
        try:
            async for chunk in process.stdout:
                self._quiet = 0
                for news in unpacker.feed(chunk):
                    hear(self, news)
        except msgspec.MsgspecError as error:
            self.trouble = f"said what cannot be understood: {error}"
            self.kill()

    async def _listen_for_silence(self) -> None:
        while self._quiet < SILENCE:
            await trio.sleep(1)
            self._quiet += 1
        self.trouble = f"said nothing for {SILENCE} s and was ended"
        self.kill()

    async def _end(self, process: trio.Process, watchdog: Watchdog) -> None:
        self.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
        watchdog.release(process.pid)


def _how(status: int | None, said: str) -> str:
    """``was killed by SIGKILL``, ``ended with status 1: MemoryError``."""
    if status is not None and status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}" + (f": {said}" if said else "")


def _last_line(errors: int) -> str:
    size = os.fstat(errors).st_size
    return last_line_of(os.pread(errors, 4096, max(0, size - 4096)).decode("utf-8", "replace"))
