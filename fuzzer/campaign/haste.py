"""With which scale of time a failure is hunted, and for how long.

An execution that fails by a silence waits for a time bound of the policy, mostly seconds. With bounds of a tenth it
fails as well and costs a tenth; what is found so is confirmed with the real ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fuzzer.campaign.options import Options
from fuzzer.campaign.trials import Attempt

SLOW: Final = 0.5  # seconds: such an execution surely waited for a time bound of the policy
VERY_SLOW: Final = 3.0  # for several in turn
HALF_HURRY: Final = 0.5
AFFORDABLE: Final = 0.25  # seconds: such an execution can be repeated at will
COSTLY: Final = 0.5


def hurries(seconds: float, options: Options) -> Iterator[float]:
    """Scales to try in turn, the shortest first, if the failure's execution took so many ``seconds``; 1 at last."""
    if seconds > SLOW and options.hurry < 1:
        yield options.hurry
        if options.hurry < HALF_HURRY:
            yield HALF_HURRY
    yield 1.0


def patience(seconds: float) -> int:
    """By how much the budget for shrinking is multiplied: what waits for several bounds in turn gets twice as much."""
    return 2 if seconds > VERY_SLOW else 1


def worth_pauses(seconds: float, witness: Attempt | None) -> bool:
    """Is a record of few runs all there is, and are some more affordable?"""
    return seconds > SLOW and witness is not None and witness.seconds < COSTLY
