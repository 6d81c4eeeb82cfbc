"""Ctrl-C ends what is running now and lets the rest (summary, files, the server's end) happen in order."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import trio

from fuzzer.exit_codes import ExitCode

SHOW_CURSOR = "\r\x1b[K\x1b[?25h"


@asynccontextmanager
async def on_interrupt(stop: Callable[[], object]) -> AsyncIterator[None]:
    """Call ``stop`` at the first SIGINT or SIGTERM; at a second one leave at once, without a word of excuse."""
    async with trio.open_nursery() as nursery:
        await nursery.start(_watch, stop)
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


class Ending:
    """The end of a run, when only its summary and its reports are left to do. In it a first SIGINT or SIGTERM is noted
    in ``interrupted``, and hinders none of that; a second one leaves at once."""

    def __init__(self) -> None:
        self.interrupted = False
        self._before: dict[int, Any] = {}

    def note(self, *_: object) -> None:
        """The user has asked to stop."""
        self.interrupted = True

    def __enter__(self) -> Ending:
        if threading.current_thread() is threading.main_thread():  # no other thread has signals
            self._before = {number: signal.signal(number, self._again) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _again(self, *_: object) -> None:
        if self.interrupted:
            _leave()
        self.note()


async def _watch(stop: Callable[[], object], task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        seen = 0
        async for _ in signals:
            seen += 1
            if seen > 1:
                _leave()
            stop()


def _leave() -> NoReturn:
    """The user has asked twice: nothing may hold us any longer. The watchdog ends the server."""
    if sys.stdout.isatty():
        sys.stdout.write(SHOW_CURSOR)  # the live line had hidden it
        sys.stdout.flush()
    os._exit(ExitCode.INTERRUPTED)


async def ticking(tick: Callable[[], None], every: float = 0.2) -> None:
    """Call ``tick`` until cancelled."""
    while True:
        await trio.sleep(every)
        tick()
