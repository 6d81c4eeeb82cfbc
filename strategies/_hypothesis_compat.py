"""The only private names of Hypothesis that this project uses. Each assumption has a test in test_hypothesis_compat.py.

Hypothesis' own provider makes one draw in twenty a constant that it collects from the source of whatever modules are
imported at that moment, and its engine grows, mutates and repeats test cases. So one seed means other plans in
another process. ``UniformProvider`` does neither: same seed, same draws, and a third of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import settings
from hypothesis._settings import local_settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

UNIFORM_BACKEND = "hubfuzz-uniform"


class UniformProvider(HypothesisProvider):
    """Draws bounded integers evenly, and never takes a constant from the modules that happen to be imported."""

    def draw_integer(
        self,
        min_value: int | None = None,
        max_value: int | None = None,
        *,
        weights: dict[int, float] | None = None,
        shrink_towards: int = 0,
    ) -> int:
        """An even choice within bounds, edges no likelier than the rest; what is unbounded is left to Hypothesis."""
        if min_value is None or max_value is None or self._random is None:
            return super().draw_integer(min_value, max_value, weights=weights, shrink_towards=shrink_towards)
        return min_value + int(self._random.random() * (max_value - min_value + 1))

    def _maybe_draw_constant(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def register_uniform_backend() -> str:
    """Make ``settings(backend=...)`` know the provider; returns its name. Twice is harmless."""
    AVAILABLE_PROVIDERS[UNIFORM_BACKEND] = UniformProvider
    return UNIFORM_BACKEND


@contextmanager
def inherited(values: settings) -> Iterator[None]:
    """Let ``values`` be the default settings inside, so that a test around us imposes no health check on us."""
    with local_settings(values):
        yield
