"""A failure that hardly fails again gets another chance when it is met in another plan.

The first plan that meets a race is often an unlucky one: dozens of ops, one run in twenty shows it. Another plan may
show it every time, and then there is something to hand over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fuzzer.campaign.complexity import complexity
from fuzzer.campaign.failure import Failure
from fuzzer.campaign.sure import SURE

RARE: Final = 0.5  # who runs a replay twice may see nothing
MOST_HUNTS: Final = 3  # each costs a budget for shrinking


def may_improve(failure: Failure) -> bool:
    """Is it worth another hunt, if another plan meets it?"""
    measured = failure.shrunk and failure.rate is not None
    return measured and surety(failure) == 0 and failure.hunts < MOST_HUNTS


def better(new: Failure, old: Failure) -> bool:
    """Does it show the same more surely, or as surely with less?"""
    if not old.shrunk or surety(new) != surety(old):
        return not old.shrunk or surety(new) > surety(old)
    return complexity(new.plan) < complexity(old.plan)


def settled(failures: Iterable[Failure]) -> int:
    """How many of them are found for good."""
    return sum(not may_improve(failure) for failure in failures)


def surety(failure: Failure) -> int:
    """0: it hardly fails, or nobody knows; 1: in half of its replays; 2: nearly always."""
    share = failure.rate.share if failure.rate else 0.0
    return (share >= RARE) + (share >= SURE)
