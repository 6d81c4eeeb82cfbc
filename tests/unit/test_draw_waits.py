"""What takes seconds to show is waited for rarely, and surely."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fuzzer.hub.target import embedded_target
from fuzzer.plan import Mute
from strategies import Shape, draw_plans
from strategies.draw import EVERY, FIRST_EXPIRY, LONG, draw_share, due_at
from strategies.shape import Due, shape_of_target


@pytest.mark.parametrize(("what", "every"), EVERY.items())
def test_what_seldom_pays_to_wait_for_is_waited_for_at_the_latest_after_so_many_plans(what: Due, every: int) -> None:
    shape = Shape(started=True, waits=(), expiry=2.0, given_up=1.5)
    seconds = {"expiry": 2.0, "given-up": 1.5}[what]
    for seed in range(3):
        waited = [
            any(batch.wait == seconds for batch in plan.batches) for plan in draw_plans(shape, seed, count=3 * every)
        ]
        assert sum(waited) >= 2


@pytest.mark.parametrize("seed", range(4))
def test_the_first_of_them_comes_soon_enough_for_a_run_of_a_minute(seed: int) -> None:
    shape = shape_of_target(embedded_target())
    plans = draw_plans(shape, seed, count=FIRST_EXPIRY[1] + 20)
    assert any(batch.wait == shape.expiry for plan in plans for batch in plan.batches)


def test_the_place_of_a_plan_says_what_it_waits_for() -> None:
    due = [due_at(place) for place in range(2_400)]
    for what, every in EVERY.items():
        assert 0.8 * 2_400 // every <= due.count(what) <= 2_400 // every
    assert due.count("") > 2_300


def test_a_plan_that_waits_for_the_silent_has_somebody_silent() -> None:
    shape = Shape(given_up=1.5, due="given-up")
    plans = list(draw_plans(shape, 3, count=60))
    silent = [p for p in plans if any(isinstance(op, Mute) or getattr(op, "how", "") == "vanish" for op in p.ops())]
    assert len(silent) >= 55


def test_a_plan_that_waits_for_an_expiry_nearly_always_does_so_and_has_a_token_that_expires() -> None:
    shape = replace(shape_of_target(embedded_target()), due="expiry")
    plans = list(draw_plans(shape, 3, count=60))
    waiting = [plan for plan in plans if any(batch.wait == shape.expiry for batch in plan.batches)]
    assert len(waiting) >= 50
    assert sum(next(plan.ops()).token == "brief" for plan in plans) >= 50  # type: ignore[union-attr]
    assert all(any(getattr(op, "token", "") == "brief" for op in plan.ops()) for plan in waiting)


@pytest.mark.parametrize("seed", range(5))
def test_of_the_first_plans_those_that_wait_long_come_last(seed: int) -> None:
    """Every other finding would wait for them; and the one of nothing but first choices, which asks, always comes."""
    share = draw_share(shape_of_target(embedded_target()), seed, 0)
    waits = [any(batch.wait >= LONG for batch in plan.batches) for plan in share]
    assert waits == sorted(waits)
    assert any(waits)
