"""Our Close and what follows it: how long an answer is waited for, and what becomes of who gets none."""

from __future__ import annotations

import trio

from fuzzer.driver.actor import Actor
from fuzzer.driver.connection import FuzzConn
from fuzzer.driver.openings import Release
from fuzzer.driver.stage import Stage
from fuzzer.history import CloseInv, CloseLate, DropInv, FaultInv

CLOSE_TIMEOUT = 3.0  # seconds, at least, that an answer to our Close is waited for
IMPATIENT = 0.25  # of the deadline
MARGIN = 1.2  # of waiting beyond a declared bound, since only healthy time counts for it


class Closer:
    """Closes connections of one stage; ``patient``: as long as the judge needs to call a Close unanswered."""

    def __init__(self, stage: Stage, nursery: trio.Nursery) -> None:
        self._stage = stage
        self._nursery = nursery
        self.patient = True

    async def prepare(self, actor: Actor, code: int, reason: str, *, half: bool = False) -> Release:
        """Our Close frame; the rest of the closing handshake goes on by itself, within bounds."""
        conn = actor.conn
        assert conn is not None
        if half:
            self._stage.record(FaultInv, actor.name, "half-close")
        self._stage.record(CloseInv, actor.name, code)
        actor.closing, actor.half = True, half
        self._stage.forget(actor.name)
        await conn.prepare_close(code, reason, half=half)

        def go() -> None:
            conn.release()
            self._nursery.start_soon(self._finish, actor, conn)

        return go

    @property
    def longest(self) -> float:
        """Seconds after which every Close is answered or given up."""
        return self._patience + self._work + 1

    async def _finish(self, actor: Actor, conn: FuzzConn) -> None:
        if await self._ended(actor):
            return
        if not actor.stalled:  # who does not read knows nothing of an answer
            self._stage.record(CloseLate, actor.name)
        self._stage.record(DropInv, actor.name, "reset")
        actor.gone = True
        conn.drop("reset")
        self._stage.wake()

    async def _ended(self, actor: Actor) -> bool:
        """Wait for the end of a closing handshake; once more if the server could not answer because we froze it."""

        def over() -> bool:
            return actor.gone or actor.left_half

        while True:
            before = self._stage.stood_still
            if await self._stage.until(over, self._patience):
                return True
            if self._stage.stood_still == before:
                hidden = self._stage.unseen and not actor.stalled
                return hidden and await self._stage.until(over, self._work)

    @property
    def _patience(self) -> float:
        """Seconds after which a Close that is not answered is given up; few where that could prove nothing new."""
        if not self.patient:
            return self._stage.policy.deadline * IMPATIENT
        return max(CLOSE_TIMEOUT * self._stage.hurry, self._stage.policy.deadline * MARGIN)

    @property
    def _work(self) -> float:
        """Seconds more that the judge allows if a Close may stand behind what nobody is seen to get."""
        return self._stage.policy.deadline * MARGIN if self.patient else 0.0
