"""What drawn plans contain: every pair, fault and form, in measure."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Literal, get_args

import pytest
from test_draw import FULL, MANY, full_plans

from fuzzer.plan import (
    AbandonKind,
    Close,
    Drop,
    DropKind,
    Fill,
    Malformed,
    MalformedKind,
    Open,
    Plan,
    Resume,
    Send,
    Separator,
    Stall,
    Subscribe,
    TokenKind,
    Unsubscribe,
    Wire,
)
from fuzzer.plan_rules import kind_of
from fuzzer.policy import Policy
from strategies import PAIRS, Shape, draw_plans, racing_pairs
from strategies.season import BREATH
from strategies.shape import shape_of

FILLS = set(get_args(Fill))


def share(found: Counter[str], label: str) -> float:
    return found[label] / MANY


@cache
def contents() -> Counter[str]:
    """In how many plans each thing occurs."""
    found: Counter[str] = Counter()
    for plan in full_plans():
        found.update({kind_of(op) for op in plan.ops()})
        found.update(f"pair {label}" for label in racing_pairs(plan))
        found.update({f"after {batch.after}" for batch in plan.batches[1:]})
        found.update({f"drop {op.how}" for op in plan.ops() if isinstance(op, Drop)})
        found.update({f"malformed {op.kind}" for op in plan.ops() if isinstance(op, Malformed)})
        found.update({f"abandon {op.abandon}" for op in plan.ops() if isinstance(op, Open)})
        found.update({f"token {op.token}" for op in plan.ops() if isinstance(op, Open)})
        found.update({f"fill {op.fill}" for op in plan.ops() if isinstance(op, Send)})
        found.update({f"wire {op.wire}" for op in plan.ops() if isinstance(op, Send)})
        found.update({"held" for op in plan.ops() if isinstance(op, Open) and op.held})
        found.update({"half" for op in plan.ops() if isinstance(op, Close) and op.half})
        found.update({"frozen" for batch in plan.batches if batch.frozen})
        slow = (b for b in plan.batches if b.wait > BREATH or b.restart or b.frozen > 0.05)
        found.update({"slow" for _ in slow})
        found.update({"slow"} if plan.cycles > 1 else ())
    return found


@pytest.mark.parametrize("pair", sorted({pair.label for pair in PAIRS}))
def test_every_pair_occurs(pair: str) -> None:
    assert share(contents(), f"pair {pair}") >= 0.006


@pytest.mark.parametrize(
    "label",
    [
        *(f"drop {kind}" for kind in get_args(DropKind)),
        *(f"malformed {kind}" for kind in get_args(MalformedKind)),
        *(f"abandon {kind}" for kind in get_args(AbandonKind)),
        *(f"token {kind}" for kind in get_args(TokenKind)),
        *(f"after {kind}" for kind in get_args(Separator)),
        *("fill unicode", "fill escapes", "fill markup", "stall", "resume", "mute", "unsubscribe"),
        *(f"wire {kind}" for kind in get_args(Wire)),
        *("held", "finish", "half", "ping", "query", "frozen"),
    ],
)
def test_every_fault_and_form_occurs(label: str) -> None:
    assert share(contents(), label) >= 0.006


def strangers(plan: Plan) -> int:
    """How often a connection leaves a room that it is not in."""
    rooms: set[tuple[str, str]] = set()
    found = 0
    for op in plan.ops():
        if isinstance(op, Subscribe):
            rooms.add((op.conn, op.room))
        elif isinstance(op, Unsubscribe):
            found += (op.conn, op.room) not in rooms
            rooms.discard((op.conn, op.room))
    return found


def test_some_leave_a_room_that_they_are_not_in() -> None:
    assert 0.01 <= sum(bool(strangers(plan)) for plan in full_plans()) / MANY <= 0.15


def test_what_takes_long_is_rare_but_all_of_it_occurs() -> None:
    assert 0.005 <= share(contents(), "slow") <= 0.07
    assert share(contents(), "frozen") <= 0.25
    times = Shape(started=True, restartable=True, measured=True, waits=(1.0,), expiry=2.0, given_up=1.5)
    plans = list(draw_plans(times, seed=5, count=3_000))
    batches = [batch for plan in plans for batch in plan.batches]
    assert {batch.wait for batch in batches} == {0.0, BREATH, 1.0, 1.5, 2.0}
    assert 3 <= sum(batch.restart for batch in batches) <= 60
    assert 3 <= sum(plan.cycles > 1 for plan in plans) <= 30


def test_most_plans_have_somebody_to_lose_a_message() -> None:
    assert sum(heard(plan) for plan in full_plans()) / MANY >= 0.6


def heard(plan: Plan) -> bool:
    """Is there a send while two of its user's connections are open?"""
    users: dict[str, str] = {}
    for batch in plan.batches:
        for op in batch.ops:
            if isinstance(op, Send) and list(users.values()).count(users.get(op.conn, "")) >= 2:
                return True
        for op in batch.ops:
            if isinstance(op, Open) and not op.abandon and op.token == "valid":
                users[op.conn] = op.user
            elif isinstance(op, Close | Drop | Malformed):
                users.pop(op.conn, None)
    return False


def floods(plan: Plan, shape: Shape) -> int:
    return sum(op.size * op.count >= shape.stall_bytes for op in plan.ops() if isinstance(op, Send))


def test_floods_are_rare_few_and_behind_a_stall() -> None:
    flooded = [plan for plan in full_plans() if floods(plan, FULL)]
    assert 0.02 <= len(flooded) / MANY <= 0.10
    for plan in flooded:
        assert floods(plan, FULL) == 1
        kinds = [(n, op) for n, batch in enumerate(plan.batches) for op in batch.ops]
        first_flood = next(n for n, op in kinds if isinstance(op, Send) and op.size * op.count >= FULL.stall_bytes)
        assert any(isinstance(op, Stall) and n < first_flood for n, op in kinds)


def test_cheap_floods_are_less_rare() -> None:
    cheap = Shape(stall_bytes=300_000)
    assert sum(bool(floods(plan, cheap)) for plan in draw_plans(cheap, 11, 1_200)) >= 72


def test_stalls_only_where_a_flood_follows() -> None:
    with_stall = [plan for plan in full_plans() if any(isinstance(op, Stall) for op in plan.ops())]
    assert all(floods(plan, FULL) for plan in with_stall)
    assert any(isinstance(op, Resume) for plan in with_stall for op in plan.ops())


def test_opens_go_below_to_and_above_the_limit() -> None:
    first = Counter(
        sum(op.user == "u0" for batch in plan.batches[:1] for op in batch.ops if isinstance(op, Open))
        for plan in draw_plans(Shape(limit=3), 8, 300)
    )
    assert min(first[2], first[3], first[4]) >= 20


@pytest.mark.parametrize("least", [0, 1, 300])
def test_no_message_is_smaller_than_the_hub_surely_takes(least: int) -> None:
    shape = shape_of(Policy(min_size=least), rooms=True, sessions=True, tokens=True)
    sizes = {op.size for plan in draw_plans(shape, 7, 150) for op in plan.ops() if isinstance(op, Send)}
    assert min(sizes) == least


@pytest.mark.parametrize(
    ("policy", "longest"),
    [
        (Policy(), 8),
        (Policy(backlog=1_000_000), 129),
        (Policy(backlog=None), 257),
        (Policy(backlog=None, rate=300), 8),
    ],
)
def test_bursts_are_longer_than_usual_queues_where_the_hub_promises_to_hold_them(policy: Policy, longest: int) -> None:
    shape = shape_of(policy, rooms=False, sessions=False, tokens=False)
    sends = [op for plan in draw_plans(shape, 3, MANY) for op in plan.ops() if isinstance(op, Send)]
    small = [op.count for op in sends if op.size <= 200]
    assert max(small) == longest
    assert sum(count > 8 for count in small) < len(small) / 10


@pytest.mark.parametrize(("body", "drawn"), [("exact", FILLS), ("any", FILLS), ("plain", {"ascii"})])
def test_bodies_are_plain_where_the_hub_takes_no_others(
    body: Literal["exact", "any", "plain"], drawn: set[str]
) -> None:
    shape = shape_of(Policy(body=body), rooms=False, sessions=False, tokens=False)
    plans = draw_plans(shape, 3, MANY)
    assert {op.fill for plan in plans for op in plan.ops() if isinstance(op, Send)} == drawn


@pytest.mark.parametrize(("taken", "wires"), [(True, {*get_args(Wire)}), (False, {*get_args(Wire)} - {"fragments"})])
def test_messages_are_cut_where_the_hub_takes_them(taken: bool, wires: set[str]) -> None:
    shape = shape_of(Policy(fragments=taken), rooms=False, sessions=False, tokens=False)
    plans = draw_plans(shape, 3, MANY)
    assert {op.wire for plan in plans for op in plan.ops() if isinstance(op, Send)} == wires
