"""The scenario that all clients of the speed benchmark drive, and what is measured of it.

Five connections of one user open, the first sends ten broadcasts, the other four must get each of them, two drop by
a TCP reset, three close by the closing handshake.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

CONNECTIONS = 5
BROADCASTS = 10
DROPS = 2
PATIENCE = 10.0  # seconds after which the scenario is broken
TEXTS = tuple(f"broadcast number {number:>15}" for number in range(BROADCASTS))  # 32 bytes each

_numbers = itertools.count()


def fresh_path() -> str:
    """A user that no other scenario has."""
    return f"/user-{next(_numbers)}"


@dataclass
class Slice:
    """What one client did in one stretch of time."""

    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0
    elapsed: float = 0.0

    @property
    def rate(self) -> float:
        """Scenarios per second."""
        return len(self.seconds) / self.elapsed

    @property
    def cpu_each(self) -> float:
        """Seconds of the client's processor time per scenario."""
        return self.cpu / len(self.seconds)


@dataclass(frozen=True)
class Result:
    """The median over all rounds of one client."""

    rate: float
    p50: float
    cpu: float

    @classmethod
    def of(cls, slices: Iterable[Slice]) -> Result:
        """Summarise the rounds of one client."""
        rounds = list(slices)
        return cls(
            statistics.median(one.rate for one in rounds),
            statistics.median(statistics.median(one.seconds) for one in rounds),
            statistics.median(one.cpu_each for one in rounds),
        )


class Stopwatch:
    """Times one slice: ``while watch.goes_on(): ...; watch.lap()``."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.slice = Slice()
        self._clock = clock
        self._start = self._lap = clock()
        self._end = self._start + seconds
        self._cpu = time.process_time()

    def goes_on(self) -> bool:
        """Whether there is time for another scenario."""
        return self._clock() < self._end

    def lap(self) -> None:
        """A scenario has ended."""
        now = self._clock()
        self.slice.seconds.append(now - self._lap)
        self._lap = now
        self.slice.elapsed = now - self._start
        self.slice.cpu = time.process_time() - self._cpu
