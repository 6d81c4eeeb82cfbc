"""Which time bounds a hunt begins with, and how long it may take."""

from __future__ import annotations

import pytest

from fuzzer.campaign import Options
from fuzzer.campaign.haste import SLOW, VERY_SLOW, hurries, patience


@pytest.mark.parametrize(
    ("seconds", "hurry", "scales"),
    [
        (2.0, 0.1, [0.1, 0.5, 1.0]),
        (SLOW / 2, 0.1, [1.0]),
        (5.0, 1.0, [1.0]),
        (5.0, 0.7, [0.7, 1.0]),
    ],
)
def test_what_is_slow_is_hunted_with_the_shortest_bounds_first(
    seconds: float, hurry: float, scales: list[float]
) -> None:
    assert list(hurries(seconds, Options(hurry=hurry))) == scales


def test_what_takes_long_gets_twice_the_time() -> None:
    assert (patience(VERY_SLOW), patience(VERY_SLOW + 0.1)) == (1, 2)
