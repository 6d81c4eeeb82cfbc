"""The measure of shrinking: what counts more than what, and that it is made of natural numbers."""

from __future__ import annotations

import pytest
from campaign_fakes import CROWD, steps
from hypothesis import given, settings

from fuzzer.campaign.complexity import complexity, disorder, oddity, raciness
from fuzzer.campaign.symbols import tidy
from fuzzer.plan import Batch, Close, Drop, Malformed, Open, Plan, Send, Subscribe
from strategies import Shape, plans

A, B = Open("a", "u0"), Open("b", "u0")
SIMPLER_FIRST = [
    (steps(A), steps(A, B)),
    (steps(A, Send("a", "m0"), Send("a", "m1")), steps(A, B, Send("a", "m0"))),  # fewer connections
    (steps(A, B), steps(A, Open("b", "u1"))),  # fewer users
    (steps(A, B), steps((A, B))),  # in turn
    (steps((A, B)), Plan((Batch((A,)), Batch((B,), "1ms")))),  # in one batch rather than a millisecond apart
    (steps(A, Send("a", "m0")), steps(A, Subscribe("a", "r0"))),
    (steps(A), steps(Open("a", "u0", session="s0"))),
    (steps(A), Plan(steps(A).batches, names={"u0": "ß"})),
    (steps(A, Close("a")), steps(A, Drop("a"))),
    (steps(A, Drop("a")), steps(A, Drop("a", "fin"))),
    (steps(A, Drop("a", "fin")), steps(A, Drop("a", "vanish"))),
    (steps(A, Close("a")), steps(A, Close("a", 4000))),
    (steps(A), steps(Open("a", "u0", token="expired"))),
    (steps(A, Malformed("a")), steps(A, Malformed("a", "huge-length"))),
    (steps(A, Send("a", "m0", size=999)), steps(A, Send("a", "m0", count=2))),
    (steps(A, Send("a", "m0")), steps(A, Send("a", "m0", size=1))),
    (steps(A, Send("a", "m0")), steps(A, Send("a", "m0", fill="markup"))),
    (steps((A, B), (Close("a"), Close("b"))), steps((A, B), (Close("b"), Close("a")))),
    (steps(A), Plan(steps(A).batches, schedule_seed=1)),
    (steps(A), Plan((Batch((A,), wait=0.5),))),
    (Plan((Batch((A,), wait=0.2),)), Plan((Batch((A,), wait=0.5),))),
    (steps(A), Plan((Batch((A,), frozen=0.5),))),
    (steps(A), Plan((Batch((A,), restart=True),))),
    (steps(A), Plan(steps(A).batches, cycles=2)),
    (steps(A, Send("a", "m0")), steps(A, Send("a", "m0", wire="one-segment"))),
    (steps(A, Close("a")), steps(A, Close("a", half=True))),
    (steps(A, Close("a", half=True)), steps(A, Drop("a"))),
    (steps(A), steps(Open("a", "u0", held=True))),
    (steps(A), steps(Open("k", "u7"))),  # canonical names
]


@pytest.mark.parametrize(("simpler", "harder"), SIMPLER_FIRST)
def test_what_is_simpler_than_what(simpler: Plan, harder: Plan) -> None:
    assert complexity(simpler) < complexity(harder)


@settings(max_examples=100, deadline=None, database=None)
@given(plan=plans(Shape(rooms=True, sessions=True)))
def test_it_is_well_founded_and_tidying_never_raises_it(plan: Plan) -> None:
    assert all(isinstance(part, int) and part >= 0 for part in complexity(plan))
    assert len(complexity(plan)) == len(complexity(CROWD))
    assert complexity(tidy(plan)) <= complexity(plan)


def test_parts() -> None:
    assert raciness(steps((A, B), Close("a"))) == 1
    assert raciness(Plan((Batch((A,), "1ms"), Batch((B,), "instant")))) == 2  # the first batch follows nothing
    assert oddity(A) == oddity(Close("a")) == oddity(Send("a", "m0", size=9)) == 0
    assert disorder(Batch((Close("b"), Close("a"))), steps(A, B, (Close("b"), Close("a")))) == 1
