"""How long fences may take is learnt from those that came."""

from __future__ import annotations

import pytest

from fuzzer.driver.patience import LEAST, MOST, Patience


def after(*seconds: float) -> float:
    """The patience that so many rounds have taught."""
    patience = Patience()
    for one in seconds:
        patience.note(one)
    return patience.seconds


def test_a_near_hub_is_not_waited_for() -> None:
    assert after() == LEAST
    assert after(*[0.003] * 5) == LEAST


def test_a_far_hub_is_given_the_time_that_it_takes_and_some_more() -> None:
    assert 0.12 < after(*[0.12] * 9) < 0.2


def test_who_varies_is_given_more() -> None:
    assert after(*[0.1, 0.2] * 9) > 0.2


@pytest.mark.parametrize("rounds", [(9.0,), (0.003, 3.0), (2.0,) * 20])
def test_nobody_is_waited_for_without_end(rounds: tuple[float, ...]) -> None:
    assert after(*rounds) == MOST


def test_one_standstill_is_forgotten() -> None:
    assert after(*[0.003] * 5, 3.0, *[0.003] * 60) == LEAST
