"""What a batch does to the server process itself: it is frozen while ops arrive, or ended and started again.

Only ever to a server that hubfuzz started; for any other the batch goes on without, and says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio

from fuzzer.driver.control import ControlPair
from fuzzer.driver.openings import Release
from fuzzer.driver.perform import Performer
from fuzzer.driver.stage import Stage
from fuzzer.history import Restarted, ServerLog, ServerPaused, ServerResumed, Skip, StopInv, Stopped
from fuzzer.plan import Batch
from fuzzer.target.process import Server

END_PATIENCE = 5.0  # seconds that a server has to end after SIGTERM, where none are declared
OVERTIME = 0.5  # seconds more than the judges allow for, before it is killed
LOOK_EVERY = 0.02
LINE_KEPT = 200
NOT_OURS = "hubfuzz did not start this server"


class ServerOps:
    """Releases batches on one stage, and does to the server what they ask for.

    ``greeted``: opens the control pair on a new process, and sees it counted where the server counts."""

    def __init__(
        self,
        stage: Stage,
        server: Server,
        performer: Performer,
        control: ControlPair,
        greeted: Callable[[], Awaitable[bool]],
    ) -> None:
        self._stage = stage
        self._greeted = greeted
        self._server = server
        self._performer = performer
        self._control = control

    async def perform(self, batch: Batch) -> None:
        """Prepare the batch, release it, with the server frozen if so drawn, and restart the server if so drawn."""
        releases = await self._performer.prepare_batch(batch)
        if batch.frozen and self._may(batch, "freeze"):
            await self._release_frozen(releases, batch.frozen)
        else:
            _let_go(releases)
        if batch.restart and self._may(batch, "restart"):
            await self._restart()

    def note_errors(self) -> None:
        """Write down what the server's log said since the last time."""
        for line in self._server.new_errors():
            self._stage.record(ServerLog, line[:LINE_KEPT])

    def _may(self, batch: Batch, what: str) -> bool:
        if self._server.pid is None:
            self._stage.record(Skip, batch.ops[0].conn, what, NOT_OURS)
        return self._server.pid is not None and self._server.exit_status() is None

    async def _release_frozen(self, releases: Sequence[Release], seconds: float) -> None:
        started = self._stage.record.now()
        self._stage.record(ServerPaused)
        try:
            await self._server.pause()
            _let_go(releases)
            await trio.sleep(seconds)
        finally:
            self._server.go_on()
            self._stage.stood_still += self._stage.record.now() - started
            self._stage.record(ServerResumed)

    async def _restart(self) -> None:
        self.note_errors()
        self._stage.record(StopInv)
        status = await self._ended()
        self._stage.record(Stopped, status)
        self.note_errors()
        await self._server.start()
        self._performer.moved(self._server.port)
        self._control.move(self._server.port)
        self._stage.record(Restarted)
        await self._greeted()

    async def _ended(self) -> int | None:
        """Have it end; its status. That it stands still meanwhile is written down: it cannot end then."""
        policy = self._stage.policy
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._note_stops)
            status = await self._server.shut_down((policy.t_shutdown or END_PATIENCE) + policy.t_held_up + OVERTIME)
            nursery.cancel_scope.cancel()
        return status

    async def _note_stops(self) -> None:
        stopped = False
        try:
            while True:
                if self._server.stands_still() != stopped:
                    stopped = not stopped
                    self._stage.record(ServerPaused if stopped else ServerResumed)
                await trio.sleep(LOOK_EVERY)
        finally:
            if stopped:
                self._stage.record(ServerResumed)


def _let_go(releases: Sequence[Release]) -> None:
    for release in releases:
        release()
