"""What the control pair says of the server; and that its process is seen to be stopped, when it says nothing."""

from __future__ import annotations

from typing import cast

import pytest
import trio

from fuzzer.driver.control import ControlPair
from fuzzer.driver.health import Health, HealthyTime
from fuzzer.driver.recorder import Recorder
from fuzzer.driver.stage import Stage
from fuzzer.history import Control, ServerPaused, ServerResumed


class Pair:
    """A control pair whose round trips end as they are told to."""

    def __init__(self, answers: list[bool]) -> None:
        self._answers = iter(answers)

    async def round_trip(self) -> bool:
        return next(self._answers)


class Notes:
    """As much of a stage as is needed: it writes down."""

    def __init__(self) -> None:
        self.record = Recorder()


@pytest.mark.parametrize(
    ("answers", "stopped", "kinds"),
    [
        ([True, True], True, [Control, ServerPaused, Control]),  # one process of several may answer for it
        ([False, False], False, [Control, Control]),
        ([False, False, True], True, [Control, ServerPaused, Control, Control]),
    ],
)
def test_that_it_is_stopped_is_written_down(answers: list[bool], stopped: bool, kinds: list[type]) -> None:
    notes = Notes()
    health = Health(cast("Stage", notes), cast("ControlPair", Pair(answers)), lambda: stopped)

    async def main() -> None:
        for _ in answers:
            await health.check(HealthyTime())

    trio.run(main)
    assert [type(event) for event in notes.record.events] == kinds


def test_that_it_goes_on_is_written_down_too() -> None:
    notes, standing = Notes(), iter([True, False])
    health = Health(cast("Stage", notes), cast("ControlPair", Pair([False, True])), lambda: next(standing))

    async def main() -> None:
        await health.check(HealthyTime())
        await health.check(HealthyTime())

    trio.run(main)
    assert [type(event) for event in notes.record.events] == [Control, ServerPaused, Control, ServerResumed]
