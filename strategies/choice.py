"""Choosing with few and cheap draws: every choice is one bounded integer, and the first option is the simplest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

ThingT = TypeVar("ThingT")


class Draw:
    """What ``@composite`` hands in, with the few questions that generation asks."""

    def __init__(self, draw: Callable[[SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def below(self, bound: int) -> int:
        """An integer of 0..bound-1."""
        return self._draw(_below(bound)) if bound > 1 else 0

    def one(self, options: Sequence[ThingT]) -> ThingT:
        """One of the options, evenly."""
        return options[self.below(len(options))]

    def weighted(self, options: Sequence[tuple[ThingT, int]]) -> ThingT:
        """One of the options, as often as its weight (whole numbers) says."""
        return _at(options, self.below(sum(weight for _, weight in options)))

    def percent(self, chance: int) -> bool:
        """True with this chance; shrinks to False."""
        return self.below(100) >= 100 - chance

    def some(self, options: Sequence[ThingT], count: int) -> list[ThingT]:
        """``count`` different options (fewer if there are fewer) in a drawn order."""
        left = list(options)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]


@lru_cache(maxsize=1_024)
def _below(bound: int) -> SearchStrategy[int]:
    return st.integers(0, bound - 1)


def weighted(options: Sequence[tuple[ThingT, int]]) -> SearchStrategy[ThingT]:
    """A strategy of its own for the same kind of table."""
    return st.integers(0, sum(weight for _, weight in options) - 1).map(lambda point: _at(options, point))


def _at(options: Sequence[tuple[ThingT, int]], point: int) -> ThingT:
    for option, weight in options:
        if point < weight:
            return option
        point -= weight
    raise AssertionError("weights must be above 0")
