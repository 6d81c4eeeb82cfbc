"""Is hubfuzz itself late? Then its timings prove nothing, and tokens may have ended meanwhile."""

from __future__ import annotations

import time

import trio

from fuzzer.driver.stage import Stage
from fuzzer.history import Lag

TICK = 0.025
"""Seconds between two looks. A wait costs some 0.1 ms of CPU, in each of many sessions side by side."""
LAG_WORTH_TELLING = 0.06


async def watch_own_lag(stage: Stage) -> None:
    """Write down when hubfuzz itself was late: its timings prove nothing then."""
    apart = time.time() - trio.current_time()
    while True:
        due = (trio.current_time() // TICK + 1) * TICK  # sessions in one loop wake up together
        await trio.sleep_until(due)
        late, before, apart = trio.current_time() - due, apart, time.time() - trio.current_time()
        slept = abs(apart - before)  # only the wall clock, by which tokens end, goes on while a machine sleeps
        at_most = max(late + TICK, slept)  # a standstill may have begun at any time since the last look
        if at_most > LAG_WORTH_TELLING:
            stage.record(Lag, round(at_most, 4))
