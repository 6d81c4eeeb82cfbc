"""What an invariant is: one property, one pure function, one name and code everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fuzzer.facts import Facts
from fuzzer.policy import Policy
from fuzzer.verdict import Judgement


def always(policy: Policy) -> bool:
    """No dial switches it off."""
    return True


@dataclass(frozen=True, slots=True)
class Invariant:
    """``relies_on``: what makes a conviction sound; ``dial``: what silences it; ``reports``: real bugs of the kind."""

    code: str
    name: str
    family: str
    meaning: str
    relies_on: str
    dial: str
    reports: tuple[str, ...]
    check: Callable[[Facts], Judgement]
    applies: Callable[[Policy], bool] = always
