"""Twins of plans: one racing pair swapped, all else as it was."""

from __future__ import annotations

from collections import Counter
from random import Random

from msgspec.structs import replace

from fuzzer.plan import Batch, Drop, Open, Plan, Send
from fuzzer.plan_rules import normalise, problems
from strategies import Shape, draw_plans, racing_pairs
from strategies.swapped import swapped, with_twins


def test_a_pair_that_races_changes_places() -> None:
    plan = Plan(
        batches=(Batch(ops=(Open("a", "u0"),)), Batch(ops=(Open("b", "u0"),)), Batch(ops=(Send("a", "m0"), Drop("b"))))
    )
    twin = swapped(plan, Random(0))
    assert twin is not None
    assert [type(op) for op in twin.batches[2].ops] == [Drop, Send]
    assert twin.batches[:2] == normalise(plan).batches[:2]


def test_users_apart_do_not_race() -> None:
    plan = Plan(batches=(Batch(ops=(Open("a", "u0"), Open("c", "u1"))), Batch(ops=(Send("a", "m0"), Drop("c")))))
    assert swapped(plan, Random(0)) is None


def test_two_alike_have_no_twin() -> None:
    """Two openings of one user: only their names differ."""
    assert swapped(Plan(batches=(Batch(ops=(Open("a", "u0"), Open("b", "u0"))),)), Random(0)) is None


def test_every_twin_is_a_sensible_plan_with_the_ops_of_the_one_before() -> None:
    plans = list(draw_plans(Shape(limit=2, rooms=True, sessions=True), seed=3, count=150))
    for plan in plans:
        for number in range(3):
            twin = swapped(plan, Random(number))
            if twin is not None:
                assert problems(twin) == ()
                assert Counter(type(op) for op in twin.ops()) == Counter(type(op) for op in plan.ops())
                assert twin != plan


def test_what_takes_long_has_no_twin() -> None:
    raced = Batch(ops=(Send("a", "m0"), Drop("b")))
    plan = Plan(batches=(Batch(ops=(Open("a", "u0"), Open("b", "u0"))), raced))
    slow = [replace(plan, cycles=9)]
    slow += [
        replace(plan, batches=(plan.batches[0], replace(raced, **how))) for how in ({"wait": 1.0}, {"restart": True})
    ]
    assert list(with_twins(slow * 200, "seed")) == slow * 200
    assert len(list(with_twins([plan] * 200, "seed"))) > 200


def test_some_plans_are_followed_by_their_twin_and_the_same_ones_again() -> None:
    plans = [plan for plan in draw_plans(Shape(), seed=4, count=300) if racing_pairs(plan)]
    once, again = list(with_twins(plans, "seed")), list(with_twins(plans, "seed"))
    assert once == again
    rest = iter(once)
    assert all(plan in rest for plan in plans)  # all of them, in their order
    assert 0.03 * len(plans) <= len(once) - len(plans) <= 0.2 * len(plans)
