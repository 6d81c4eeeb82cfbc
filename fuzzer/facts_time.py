"""Which time of a history counts: the stretches in which the server demonstrably answered (SPEC, section 3).

A bound such as the deadline is measured only in *healthy* time: between quick answers of the control pair that lie
close together, with no lateness of hubfuzz itself within. A paused server, a busy machine or a suspended hubfuzz
therefore never turns a slow answer into a violation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from fuzzer.history import Control, Lag

CONTROL_SPACING = 0.5
LAG_THAT_SPOILS = 0.1

Span = tuple[float, float]


class HealthyClock:
    """Healthy time of one history, from its control round trips, its own lags, and when we had stopped the server."""

    def __init__(self, controls: list[Control], lags: list[Lag], stopped: Sequence[Span] = ()) -> None:
        self._controls = controls
        self._own = [(lag.t - lag.seconds, lag.t, lag.seconds) for lag in lags]
        self._lags = [*self._own, *((start, end, end - start) for start, end in stopped)]
        self.standstills = [(a, b) for a, b, late in self._lags if late > LAG_THAT_SPOILS]
        spans = list(_healthy_spans(controls, [*self.standstills, *stopped]))
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]
        self._sums = list(accumulate((end - start for start, end in spans), initial=0.0))

    def healthy(self, start: float, end: float) -> float:
        """Seconds of ``[start, end]`` during which the server demonstrably answered."""
        return max(self._until(end) - self._until(start), 0.0)

    def _until(self, t: float) -> float:
        number = bisect_right(self._starts, t)
        if number == 0:
            return 0.0
        return self._sums[number] - max(self._ends[number - 1] - t, 0.0)

    def when(self, start: float, seconds: float) -> float:
        """The time by which ``seconds`` healthy seconds have passed since ``start``; infinite if they never have."""
        if seconds <= 0:
            return start
        wanted = self._until(start) + seconds
        number = next((n for n, total in enumerate(self._sums) if total >= wanted), 0)
        return self._ends[number - 1] - (self._sums[number] - wanted) if number else float("inf")

    def good_round_trips(self, start: float, end: float) -> int:
        """How many good round trips of the control pair lie wholly in ``[start, end]``."""
        return sum(1 for e in self._controls if e.ok and e.since >= start and e.t <= end)

    def slowest_round_trip(self, start: float, end: float) -> float:
        """The longest that the control pair had to wait, or waited in vain, within ``[start, end]``."""
        return max((e.t - e.since for e in self._controls if e.since < end and e.t > start), default=0.0)

    def worst_lag(self, start: float, end: float) -> float:
        """How long hubfuzz itself, or the server that we had stopped, stood still at worst in ``[start, end]``."""
        return max((late for a, b, late in self._lags if a < end and b > start), default=0.0)

    def worst_own_lag(self, start: float, end: float) -> float:
        """How late hubfuzz itself was at worst in ``[start, end]``."""
        return max((late for a, b, late in self._own if a < end and b > start), default=0.0)

    def unanswered(self, start: float, end: float) -> float:
        """The longest stretch in which every control round trip failed, through no fault of ours."""
        longest, begun = 0.0, None
        for control in self._controls:
            if control.since < start or control.t > end:
                continue
            if begun is None or self.worst_lag(begun, control.t) > LAG_THAT_SPOILS:
                begun = control.since
            if control.ok or self.worst_lag(control.since, control.t) > LAG_THAT_SPOILS:
                begun = None
                continue
            longest = max(longest, control.t - begun)
        return longest


def _healthy_spans(controls: Iterable[Control], lags: list[Span]) -> Iterable[Span]:
    last: float | None = None
    for control in controls:
        quick = control.ok and control.t - control.since <= CONTROL_SPACING
        if quick and last is not None and control.t - last <= CONTROL_SPACING and not _spoiled(last, control.t, lags):
            yield last, control.t
        last = control.t if quick else None


def _spoiled(start: float, end: float, lags: list[Span]) -> bool:
    return any(a < end and b > start for a, b in lags)
