"""Canonical symbols: plans that differ in names alone become one; nothing else changes."""

from __future__ import annotations

from random import Random

import msgspec
from campaign_fakes import steps
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzer.campaign.symbols import letters, tidy
from fuzzer.plan import Batch, Close, Open, Plan, Send, Subscribe, Unsubscribe
from fuzzer.plan_rules import normalise, problems
from strategies import Shape, plans

RICH = plans(Shape(rooms=True, sessions=True))


def renamed(plan: Plan, seed: int) -> Plan:
    """The same plan with other symbols of every kind."""
    mark = f"x{Random(seed).randrange(10**6)}"
    fields = ("conn", "user", "msg", "room", "session")
    batches = []
    for batch in plan.batches:
        ops = []
        for op in batch.ops:
            old = {name: getattr(op, name) for name in fields if getattr(op, name, None) is not None}
            ops.append(msgspec.structs.replace(op, **{name: f"{mark}-{value}" for name, value in old.items()}))
        batches.append(msgspec.structs.replace(batch, ops=tuple(ops)))
    names = {f"{mark}-{user}": name for user, name in plan.names.items()}
    return msgspec.structs.replace(plan, batches=tuple(batches), names=names)


@settings(max_examples=100, deadline=None, database=None)
@given(plan=RICH, seed=st.integers(0, 99))
def test_renamed_plans_are_one(plan: Plan, seed: int) -> None:
    assert tidy(renamed(plan, seed)) == tidy(plan)


@settings(max_examples=100, deadline=None, database=None)
@given(plan=RICH)
def test_it_is_valid_idempotent_and_leaves_kinds_and_order_alone(plan: Plan) -> None:
    tidied = tidy(plan)
    assert problems(tidied) == ()
    assert tidy(tidied) == tidied
    assert [type(op) for op in tidied.ops()] == [type(op) for op in normalise(plan).ops()]
    assert [len(batch.ops) for batch in tidied.batches] == [len(batch.ops) for batch in normalise(plan).batches]


def test_symbols_are_given_in_order_of_appearance() -> None:
    plan = steps(
        Open("z", "bob", session="q"), Open("y", "ann"), Subscribe("y", "hall"), Send("y", "hello", room="hall"),
        Send("z", "bye"), Unsubscribe("y", "hall"), Close("z"),
    )  # fmt: skip
    assert tidy(Plan(plan.batches, names={"ann": "Ann", "bob": "Bob"})) == Plan(
        steps(
            Open("a", "u0", session="s0"), Open("b", "u1"), Subscribe("b", "r0"), Send("b", "m0", room="r0"),
            Send("a", "m1"), Unsubscribe("b", "r0"), Close("a"),
        ).batches,
        names={"u0": "Bob", "u1": "Ann"},
    )  # fmt: skip


def test_what_cannot_apply_and_the_first_separator_fall_away() -> None:
    plan = Plan((Batch((Close("a"),)), Batch((Open("a", "u0"),), "1ms")), names={"u9": "nobody"})
    assert tidy(plan) == steps(Open("a", "u0"))


def test_letters() -> None:
    assert [letters(number) for number in (0, 25, 26, 51, 52, 701, 702)] == ["a", "z", "aa", "az", "ba", "zz", "aaa"]
