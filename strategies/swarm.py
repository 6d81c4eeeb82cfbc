"""Swarm testing over what Hypothesis does not see as rules: faults, sizes, separators, names.

Leaving features out of a plan finds more than always mixing all of them (Groce et al., ISSTA 2012): some suppress
others, as ``close`` suppresses nearly everything. Hypothesis does the same for the rules of the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fuzzer.values import Value
from strategies.choice import Draw

FEATURES: Final = (
    *("reset", "reset-pending", "fin", "vanish", "abandon", "malformed", "mute", "codes", "tokens"),
    *("big", "burst", "fill", "instant", "turn", "1ms", "names", "sessions"),
    *("held", "wire", "half", "ping", "query", "brief", "wait", "frozen", "restart", "cycles"),
)
_BITS: Final = 8


class Swarm(Value):
    """``off`` are the features that this plan does without."""

    off: tuple[str, ...] = ()

    def with_(self, features: Sequence[str]) -> Swarm:
        """The same, and these may be used in any case."""
        return Swarm(off=tuple(name for name in self.off if name not in features))

    def has(self, feature: str) -> bool:
        """May this plan use the feature?"""
        return feature not in self.off


def draw_swarm(draw: Draw) -> Swarm:
    """Half of the plans have every feature; in the others each is off with probability 1/2, or 1/4."""
    density = draw.weighted((("all", 5), ("many", 3), ("half", 2)))
    if density == "all":
        return Swarm()
    off = _bits(draw) & _bits(draw) if density == "many" else _bits(draw)
    return Swarm(off=tuple(name for place, name in enumerate(FEATURES) if off >> place & 1))


def _bits(draw: Draw) -> int:
    """One bit for each feature."""
    return sum(draw.below(1 << _BITS) << place for place in range(0, len(FEATURES), _BITS))
