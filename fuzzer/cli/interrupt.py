"""Ctrl-C ends what is running now and lets the rest (summary, files, the server's end) happen in order."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NoReturn

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
