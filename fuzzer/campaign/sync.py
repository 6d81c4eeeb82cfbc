"""The campaign for callers without an event loop, with Ctrl-C turned into an orderly end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import trio

from fuzzer.campaign.control import Clock, Control
from fuzzer.campaign.engine import run_campaign
from fuzzer.campaign.events import Emit, ignore
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.reproduce import Replayed, replay
from fuzzer.campaign.runner import Judge, Runner
from fuzzer.campaign.store import FailureStore
from fuzzer.plan import Plan

OpenRunner = Callable[[], AbstractAsyncContextManager[Runner]]
T = TypeVar("T")


def fuzz(
    open_runner: OpenRunner,
    options: Options,
    *,
    plans: Iterable[Plan],
    scenarios: Sequence[tuple[str, Plan]] = (),
    store: FailureStore | None = None,
    emit: Emit = ignore,
    clock: Clock = time.monotonic,
    judge: Judge | None = None,
    subject: Subject | None = None,
) -> Result:
    """``run_campaign`` on a runner of its own. Ctrl-C ends it with a result, a second Ctrl-C with KeyboardInterrupt."""

    async def campaign() -> Result:
        async with open_runner() as runner:
            control = Control(options, clock)  # the clock starts when the server is up
            return await _interruptibly(
                control.interrupt,
                lambda: run_campaign(
                    runner,
                    options,
                    plans=plans,
                    scenarios=scenarios,
                    store=store,
                    emit=emit,
                    clock=clock,
                    judge=judge,
                    control=control,
                    subject=subject,
                ),
            )

    return _run(campaign)


def replay_failure(
    open_runner: OpenRunner,
    failure: Failure,
    times: int = 20,
    *,
    seconds: float | None = None,
    judge: Judge | None = None,
    on_run: Callable[[Rate], None] = lambda rate: None,
) -> Replayed:
    """Replay a failure from a file on a runner of its own. KeyboardInterrupt passes through."""

    async def replayed() -> Replayed:
        async with open_runner() as runner:
            return await replay(
                runner,
                failure.plan,
                failure.fingerprint,
                times,
                seconds=seconds,
                judge=judge,
                on_run=on_run,
                recorded=failure.history,
            )

    return _run(replayed)


def _run(main: Callable[[], Awaitable[T]]) -> T:
    """``trio.run``; an interruption comes as itself, from within however many nurseries."""
    try:
        return trio.run(main)
    except BaseExceptionGroup as group:
        if group.split(KeyboardInterrupt)[1] is None:
            raise KeyboardInterrupt from None
        raise


async def _interruptibly(interrupt: Callable[[], None], work: Callable[[], Awaitable[T]]) -> T:
    """Call ``interrupt`` on the first Ctrl-C. Signals can only be received in the main thread: elsewhere just work."""
    if threading.current_thread() is not threading.main_thread():
        return await work()
    results: list[T] = []
    twice: list[bool] = []
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(_watch_for_interrupt, interrupt, twice)
            results.append(await work())
            nursery.cancel_scope.cancel()
    except* KeyboardInterrupt:
        if twice or not results:  # else it came when all was done, and there is nothing left to interrupt
            raise
    return results[0]


async def _watch_for_interrupt(
    interrupt: Callable[[], None], twice: list[bool], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        task_status.started()
        presses = 0
        async for _ in signals:
            presses += 1
            if presses > 1:
                twice.append(True)
                raise KeyboardInterrupt
            interrupt()
