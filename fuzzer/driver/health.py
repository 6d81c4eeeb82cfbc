"""Time that counts: while round trips of an unrelated control pair succeed (SPEC section 3, healthy time)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio

from fuzzer.driver.control import ControlPair
from fuzzer.driver.stage import Stage
from fuzzer.history import Control, ServerPaused, ServerResumed

CONTROL_SPACING = 0.5
POLL = 0.02
LEAST_POLL = 0.002
UNHEALTHY_MOST = 8.0


@dataclass
class HealthyTime:
    """Seconds during which the control pair answered, as the judge will count them."""

    seconds: float = 0.0
    last: float | None = None

    def note(self, ok: bool, since: float, now: float) -> None:
        """One more round trip."""
        if not ok or now - since > CONTROL_SPACING:
            self.last = None
            return
        if self.last is not None and now - self.last <= CONTROL_SPACING:
            self.seconds += now - self.last
        self.last = now


class Health:
    """What the control pair says of the server, written down; ``stopped``: is its process seen to be stopped?"""

    def __init__(self, stage: Stage, control: ControlPair, stopped: Callable[[], bool] = lambda: False) -> None:
        self._stage = stage
        self._control = control
        self._stopped = stopped
        self._noted = False

    async def check(self, healthy: HealthyTime) -> None:
        """One round trip of the control pair."""
        since = self._stage.record.now()
        ok = await self._control.round_trip()
        self._stage.record(Control, ok, round(since, 6))
        self._note_stop()
        healthy.note(ok, since, self._stage.record.now())

    def _note_stop(self) -> None:
        """Silence proves nothing of a server that somebody else has stopped (SIGSTOP), all of it or one process."""
        stopped = self._stopped()
        if stopped != self._noted:
            self._stage.record(ServerPaused if stopped else ServerResumed)
        self._noted = stopped

    async def wait(self, seconds: float, healthy: HealthyTime) -> float:
        """Let so many healthy seconds pass, and say how many did: a server that does not answer is given up.

        ``healthy`` is shared by the pauses of one wait, so that what lies between two of them counts."""
        before, give_up = healthy.seconds, self._stage.record.now() + seconds * 2 + UNHEALTHY_MOST
        while healthy.seconds - before < seconds and self._stage.record.now() < give_up:
            await self.check(healthy)
            left = seconds - (healthy.seconds - before)
            await trio.sleep(min(POLL, max(LEAST_POLL, left)))
        return healthy.seconds - before

    def release_bound(self) -> float:
        """Healthy seconds after which everything that has ended must be released, with a margin."""
        work = self._stage.policy.deadline if self._stage.unseen else 0.0  # as the judge will allow
        return (max(self._stage.policy.t_release, self._stage.policy.t_detect) + work) * 1.2 + POLL
