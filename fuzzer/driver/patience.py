"""For how long a fence may be on its way before anybody asks why: learnt from those that came.

A hub that is 50 ms away answers none within what is long for one on the same machine. Whoever loses patience sends
fences again, and pings: dear, but no verdict depends on it.
Source: RFC 6298, section 2 (smoothed round-trip time and its variation), with the bounds of SPEC section 3.
"""

from __future__ import annotations

LEAST = 0.05
MOST = 0.5
GAIN = 1 / 8
GAIN_OF_VARIATION = 1 / 4
VARIATIONS = 4


class Patience:
    """An estimate for one server, in seconds."""

    def __init__(self) -> None:
        self._mean: float | None = None
        self._variation = 0.0

    @property
    def seconds(self) -> float:
        """What nearly all fences keep within; ``LEAST`` while nothing is known."""
        return min(max(LEAST, (self._mean or 0.0) + VARIATIONS * self._variation), MOST)

    def note(self, seconds: float) -> None:
        """So long did it take until all fences of a round had come."""
        if self._mean is None:
            self._mean, self._variation = seconds, seconds / 2
            return
        self._variation += GAIN_OF_VARIATION * (abs(self._mean - seconds) - self._variation)
        self._mean += GAIN * (seconds - self._mean)
