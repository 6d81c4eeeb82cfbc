"""Every pass of shrinking makes only valid plans; what the shrinker takes of them is less complex; and each pass gets
to what it is for."""

from __future__ import annotations

import msgspec
import pytest
from campaign_fakes import CROWD, steps
from hypothesis import HealthCheck, given, settings

from fuzzer.campaign.changes import conns_of, in_parts, keep, rename, without
from fuzzer.campaign.complexity import complexity, users_by_session
from fuzzer.campaign.passes import PASSES, Pass, fence_all, in_order, join_batches, plain_rooms, split_batches
from fuzzer.campaign.passes_fewer import (
    drop_batches,
    drop_connections,
    drop_ops,
    drop_pairs,
    drop_users,
    halves,
    merge_connections,
    merge_messages,
    merge_users,
    open_late,
    trade_ops,
)
from fuzzer.campaign.symbols import tidy
from fuzzer.plan import Batch, Close, Drop, Open, Plan, Send, Subscribe, Unsubscribe
from fuzzer.plan_rules import problems
from strategies import Shape, plans

RICH = plans(Shape(rooms=True, sessions=True, tokens=("valid", "expired")))
SETTINGS = settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("proposals", [p for _, p in PASSES], ids=[name for name, _ in PASSES])
@SETTINGS
@given(plan=RICH)
def test_what_is_offered_is_valid_and_what_can_be_taken_is_simpler(proposals: Pass, plan: Plan) -> None:
    for proposal in proposals(plan):
        candidate = tidy(proposal)
        assert problems(candidate) == ()
        assert tidy(candidate) == candidate
        assert complexity(candidate)[0] <= plan.size()
        assert all(len(users) == 1 for users in users_by_session(candidate).values())


@SETTINGS
@given(plan=RICH)
def test_taking_whatever_is_simpler_comes_to_an_end_at_nothing(plan: Plan) -> None:
    """If every candidate fails, nothing but one op is left, whatever the plan was."""
    best = tidy(plan)
    while True:
        offers = (tidy(proposal) for _, proposals in PASSES for proposal in proposals(best))
        better = next((offer for offer in offers if offer.batches and complexity(offer) < complexity(best)), None)
        if better is None:
            break
        assert complexity(better) < complexity(best)
        best = better
    assert best == Plan((Batch((Open("a", "u0"),)),))


def proposed(proposals: Pass, plan: Plan) -> list[Plan]:
    return [tidy(proposal) for proposal in proposals(plan)]


ORDERED = steps(Open("a", "u0"), Open("b", "u0"), Open("c", "u1"), Close("b"))


def test_halves_take_long_runs_first_and_leave_small_plans_alone() -> None:
    sizes = [plan.size() for plan in halves(CROWD)]
    assert min(sizes) == CROWD.size() - CROWD.size() // 2
    assert sizes[0] == min(sizes)
    assert max(sizes) == CROWD.size() - 2
    assert list(halves(ORDERED)) == []


def test_dropping_batches_users_connections_ops_pairs() -> None:
    assert [len(plan.batches) for plan in drop_batches(ORDERED)] == [3, 3, 3, 3]
    assert next(iter(drop_batches(ORDERED))) == steps(Open("a", "u0"), Open("b", "u0"), Open("c", "u1"))
    assert proposed(drop_users, ORDERED) == [
        steps(Open("a", "u0"), Open("b", "u0"), Close("b")),
        steps(Open("a", "u0")),
    ]
    assert [plan.size() for plan in proposed(drop_connections, ORDERED)] == [3, 2, 3]  # c, b with its close, a
    assert [plan.size() for plan in proposed(drop_ops, ORDERED)] == [3, 3, 2, 3]
    assert steps(Open("a", "u0"), Open("b", "u1")) in proposed(drop_pairs, ORDERED)
    assert list(drop_pairs(CROWD)) == []  # only once the plan is small


def test_a_restart_may_outlive_its_batch() -> None:
    first, last = Batch((Open("a", "u0"),)), Batch((Send("a", "m0"),), restart=True)
    offers = list(drop_batches(Plan((first, last))))
    assert offers[:2] == [Plan((Batch(first.ops, restart=True),)), Plan((first,))]


def test_merging_lets_one_do_the_work_of_two() -> None:
    plan = steps(Open("a", "u0"), Open("b", "u0"), Send("b", "m0"))
    assert proposed(merge_connections, plan) == [steps(Open("a", "u0"), Send("a", "m0"))]
    two = steps(Open("a", "u0"), Open("b", "u1"))
    assert proposed(merge_users, two) == [steps(Open("a", "u0"), Open("b", "u0"))]
    assert proposed(merge_connections, two) == []  # never those of two users


def test_merging_messages_makes_a_burst_in_place_of_either() -> None:
    plan = steps(Open("a", "u0"), Send("a", "m0", size=3), Close("a"), Send("a", "m1", count=2))
    assert list(merge_messages(plan)) == [
        without(steps(Open("a", "u0"), Send("a", "m0", size=3, count=3), Close("a"), Send("a", "m1")), {3}),
        without(steps(Open("a", "u0"), Open("a", "u0"), Close("a"), Send("a", "m0", size=3, count=3)), {1}),
    ]
    assert list(merge_messages(steps(Open("a", "u0"), Send("a", "m0"), Send("a", "m1", room="r0")))) == []


def test_a_tiny_plan_may_trade_ops_for_a_burst_or_another_user() -> None:
    plan = steps(Open("a", "u0"), Open("b", "u0"), Send("b", "m0", size=3))
    offers = proposed(trade_ops, plan)
    assert steps(Open("a", "u0"), Send("a", "m0", size=6, count=2)) in offers
    assert steps(Open("a", "u0"), Open("b", "u1")) in offers
    assert all(offer.size() < plan.size() for offer in offers)
    assert list(trade_ops(CROWD)) == []


def test_a_connection_may_come_in_place_of_its_first_op() -> None:
    plan = steps(Open("a", "u0"), Open("b", "u0"), Drop("a"), Subscribe("b", "r0"), Send("b", "m0"))
    late = list(open_late(plan))
    assert [plan.size() for plan in late] == [4, 4]
    assert tidy(late[1]) == steps(Open("a", "u0"), Drop("a"), Open("b", "u0"), Send("b", "m0"))


def test_parallel_to_sequential_offers_everything_in_turn_first() -> None:
    plan = steps((Open("a", "u0"), Open("b", "u0"), Open("c", "u0")))
    offers = proposed(split_batches, plan)
    assert offers[0] == steps(Open("a", "u0"), Open("b", "u0"), Open("c", "u0"))
    assert steps((Open("a", "u0"), Open("b", "u0")), Open("c", "u0")) in offers
    assert steps(Open("a", "u0"), (Open("b", "u0"), Open("c", "u0"))) in offers


def test_separators_become_fences_or_fall_away() -> None:
    plan = Plan((Batch((Open("a", "u0"),)), Batch((Open("b", "u0"),), "1ms"), Batch((Close("a"),), "turn")))
    assert [[batch.after for batch in other.batches] for other in fence_all(plan)] == [
        ["fence", "fence", "fence"],
        ["fence", "fence", "turn"],
        ["fence", "1ms", "fence"],
    ]
    assert [len(other.batches) for other in join_batches(plan)] == [2, 2]
    assert list(join_batches(ORDERED)) == []


def test_what_happens_to_the_server_stays_around_the_ops() -> None:
    """It is frozen while the first of the parts arrives, and restarted after the last."""
    batch = Batch((Open("a", "u0"), Open("b", "u0")), "turn", wait=0.2, frozen=0.5, restart=True)
    first, last = in_parts(batch, batch.ops[:1], batch.ops[1:])
    assert first == Batch(batch.ops[:1], "turn", wait=0.2, frozen=0.5)
    assert last == Batch(batch.ops[1:], restart=True)
    assert in_parts(batch, batch.ops) == (batch,)
    later = Batch((Close("a"),), "instant")
    assert list(join_batches(Plan((batch, later)))) == []  # the restart is between them
    assert next(iter(join_batches(Plan((later, batch))))).batches == (
        Batch((*later.ops, *batch.ops), "instant", restart=True),
    )


def test_canonical_order_sorts_a_batch_by_first_appearance() -> None:
    plan = steps((Open("a", "u0"), Open("b", "u0")), (Drop("b"), Send("a", "m0")))
    assert next(iter(in_order(plan))) == steps((Open("a", "u0"), Open("b", "u0")), (Send("a", "m0"), Drop("b")))


def test_rooms_and_sessions_go_or_become_fewer() -> None:
    plan = steps(
        Open("a", "u0", session="s0"), Subscribe("a", "r0"), Subscribe("a", "r1"), Send("a", "m0", room="r1"),
        Unsubscribe("a", "r0"),
    )  # fmt: skip
    offers = proposed(plain_rooms, plan)
    assert steps(Open("a", "u0"), *list_of(plan)[1:]) in offers
    assert steps(Open("a", "u0", session="s0"), Subscribe("a", "r0"), Send("a", "m0"), Unsubscribe("a", "r0")) in offers
    assert len(set(rooms_of(offers[1]))) == 1


def test_sessions_of_two_users_never_become_one() -> None:
    two = steps((Open("a", "u0", session="s0"), Open("b", "u1", session="s1")), Send("a", "m0"))
    offers = proposed(plain_rooms, two)
    assert [len(users_by_session(offer)) for offer in offers] == [1, 1]  # one of them loses its session
    one = steps((Open("a", "u0", session="s0"), Open("b", "u0", session="s1")), Send("a", "m0"))
    together = steps((Open("a", "u0", session="s0"), Open("b", "u0", session="s0")), Send("a", "m0"))
    assert together in proposed(plain_rooms, one)


def list_of(plan: Plan) -> list[object]:
    return [batch.ops[0] for batch in plan.batches]


def rooms_of(plan: Plan) -> list[str]:
    return [op.room for op in plan.ops() if isinstance(op, Subscribe | Unsubscribe)]


def test_the_building_blocks() -> None:
    assert without(ORDERED, {1, 3}).size() == 2
    assert [op.conn for op in keep(ORDERED, lambda place, op: place in (0, 3)).ops()] == ["a", "b"]
    assert conns_of(ORDERED, {"u0"}) == {"a", "b"}
    assert rename(ORDERED, "user", "u1", "u0").users() == ("u0",)
    subscribed = steps(Open("a", "u0"), Subscribe("a", "r0"), Send("a", "m0", room="r0"))
    gone = tidy(rename(subscribed, "room", "r0", None))
    assert gone == steps(Open("a", "u0"), Send("a", "m0"))
    assert msgspec.structs.asdict(gone)["schedule_seed"] == 0
