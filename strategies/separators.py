"""How batches follow each other. Everything is weighted to one batch, or to a fence between two."""

from __future__ import annotations

from typing import Final

from hypothesis.strategies import SearchStrategy

from fuzzer.plan import Separator
from strategies.choice import Draw, weighted
from strategies.swarm import Swarm

BETWEEN: Final[tuple[tuple[Separator, int], ...]] = (("fence", 8), ("instant", 3), ("turn", 3), ("1ms", 2))
CLOSE_BY: Final[tuple[tuple[Separator, int], ...]] = (("turn", 3), ("instant", 3), ("1ms", 2))


def separators() -> SearchStrategy[Separator]:
    """Separators as plans have them between batches."""
    return weighted(BETWEEN)


def draw_separator(draw: Draw, swarm: Swarm) -> Separator:
    """How the next thing follows the last."""
    return _weighted(draw, swarm, BETWEEN)


def draw_near(draw: Draw, swarm: Swarm) -> Separator:
    """A separator for two halves of a race: never a fence, which would end it."""
    return _weighted(draw, swarm, CLOSE_BY)


def _weighted(draw: Draw, swarm: Swarm, table: tuple[tuple[Separator, int], ...]) -> Separator:
    return draw.weighted([option for option in table if option[0] == "fence" or swarm.has(option[0])] or table[:1])
