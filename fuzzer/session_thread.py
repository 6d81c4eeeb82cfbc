"""A session in a thread of its own, for callers that are not trio: pytest items, tests, state machines.

Plans never run in the caller's thread. So it does not matter which event loop runs there, and a signal that breaks
into the wait (Ctrl-C, pytest-timeout) meets plain waiting code and not the inside of a scheduler.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any, NamedTuple, TypeVar

import trio

from fuzzer.driver.session import Session, open_session
from fuzzer.server_lock import alone_with
from fuzzer.target.errors import ServerError, TargetError
from fuzzer.target.model import Target

Result = TypeVar("Result")
CLOSING = 30.0  # a bound for what is bounded already: grace times of the server and of its connections

_open: weakref.WeakSet[SessionThread] = weakref.WeakSet()


class _Job(NamedTuple):
    work: Callable[[Session], Awaitable[Any]]
    answer: Future[Any]


class SessionThread:
    """Serves ``target`` until ``close``. The constructor waits for the server, and raises what keeps it from coming."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._opened: Future[None] = Future()
        self._job: _Job | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope = trio.CancelScope()
        self._closed = False
        self._send, self._receive = trio.open_memory_channel[_Job](1)
        self._thread = threading.Thread(target=self._run, name=f"hubfuzz: {target.name}", daemon=True)
        _open.add(self)
        self._thread.start()
        self._wait_for(self._opened)

    @property
    def closed(self) -> bool:
        """No further call can be answered."""
        return self._closed or not self._thread.is_alive()

    def call(self, work: Callable[[Session], Awaitable[Result]]) -> Result:
        """What ``work`` makes of the session. One call at a time; an interrupted one closes the session."""
        if self.closed or self._token is None:
            raise ServerError(f"{self._target.name}: the session with the server is closed")
        answer: Future[Result] = Future()
        job = _Job(work, answer)
        self._token.run_sync_soon(self._send.send_nowait, job)
        return self._wait_for(answer)

    def close(self) -> None:
        """End the session, and its server if hubfuzz started it. Idempotent; waits until nothing is left."""
        self._closed = True
        _open.discard(self)
        if self._token is not None and self._thread.is_alive():
            _quietly(self._token.run_sync_soon, self._scope.cancel)
        self._thread.join(CLOSING)

    def __enter__(self) -> SessionThread:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_for(self, answer: Future[Result]) -> Result:
        try:
            wait([answer])
        except BaseException:  # a signal: whatever still runs must not outlive the one who asked for it
            self.close()
            raise
        return answer.result()

    # ---- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        failed: BaseException = ServerError(f"{self._target.name}: the session with the server is closed")
        try:
            trio.run(self._serve)
        except BaseException as error:
            failed = telling(error)
        finally:
            self._closed = True
            for answer in (self._opened, *([self._job.answer] if self._job else [])):
                if not answer.done():
                    answer.set_exception(failed)

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        with self._scope, self._send, self._receive:
            async with alone_with(self._target), open_session(self._target) as session:
                self._opened.set_result(None)
                async for job in self._receive:
                    self._job = job
                    await self._perform(job, session)

    async def _perform(self, job: _Job, session: Session) -> None:
        try:
            result = await job.work(session)
        except Exception as error:
            if trio.current_effective_deadline() == float("-inf"):  # being closed: the end of the run says why
                raise
            job.answer.set_exception(telling(error))
        else:
            job.answer.set_result(result)


def close_all() -> None:
    """Close every session that is still open; for the end of a process or of a pytest run."""
    for session in list(_open):
        session.close()


def telling(error: BaseException) -> BaseException:
    """The one error inside groups of groups that people can do something about; else the only one; else the group."""
    leaves = list(_leaves(error))
    known = next((leaf for leaf in leaves if isinstance(leaf, ServerError | TargetError)), None)
    return known or (leaves[0] if len(leaves) == 1 else error)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for inner in error.exceptions:
        yield from _leaves(inner)


def _quietly(call: Callable[[Callable[[], None]], None], argument: Callable[[], None]) -> None:
    try:
        call(argument)
    except trio.RunFinishedError:
        return
