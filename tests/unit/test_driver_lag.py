"""hubfuzz writes down when it was late itself, also when the whole machine slept."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

import pytest
import trio
from histories import H

from fuzzer.driver.lag import watch_own_lag
from fuzzer.driver.stage import Stage
from fuzzer.history import Lag
from fuzzer.invariants import judge
from fuzzer.policy import Policy


class Told:
    """Keeps what is recorded, as a stage does."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def record(self, kind: type[Lag], *fields: float) -> None:
        assert kind is Lag
        self.seconds += fields


def watched(meanwhile: Callable[[], object]) -> list[float]:
    told = Told()

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_own_lag, cast("Stage", told))
            await trio.sleep(0.05)
            meanwhile()
            await trio.sleep(0.05)
            nursery.cancel_scope.cancel()

    trio.run(run)
    return told.seconds


def test_hubfuzz_that_stood_still_is_told_of() -> None:
    assert any(seconds > 0.2 for seconds in watched(lambda: time.sleep(0.3)))


@pytest.mark.parametrize("slept", [3600.0, -3600.0], ids=["slept", "set back"])
def test_a_machine_that_slept_or_whose_clock_was_set_is_told_of(monkeypatch: pytest.MonkeyPatch, slept: float) -> None:
    wall = time.time
    told = watched(lambda: monkeypatch.setattr(time, "time", lambda: wall() + slept))
    assert [seconds for seconds in told if seconds > 3000] == [pytest.approx(3600.0, abs=1.0)]


@pytest.mark.parametrize(("slept", "said"), [(0.0, ["HF301"]), (3600.0, [])])
def test_tokens_that_may_have_ended_meanwhile_convict_nobody(slept: float, said: list[str]) -> None:
    written = H(Policy(t_expiry=1.0)).join("a", "b").controls(1.0, every=0.05)
    if slept:
        written.add(Lag, seconds=slept)
    assert [finding.code for finding in judge(written.ended("a", 4401).history()).violations] == said
