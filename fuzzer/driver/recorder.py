"""The one append-only list of an execution, and the clock that stamps it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ParamSpec

from fuzzer.history import Event

Fields = ParamSpec("Fields")


class Recorder:
    """Writes events in the order in which they are observed; nothing is ever changed or removed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.events: list[Event] = []
        self._clock = clock
        self._start = clock()

    def now(self) -> float:
        """Seconds since the execution began."""
        return self._clock() - self._start

    def __call__(self, kind: Callable[..., Event], *fields: object, **named: object) -> None:
        self.events.append(kind(round(self.now(), 6), *fields, **named))
