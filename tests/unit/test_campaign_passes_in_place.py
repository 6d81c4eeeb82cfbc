"""Passes that leave every op in its place: payload, names, variants, seed."""

from __future__ import annotations

from campaign_fakes import steps

from fuzzer.campaign.complexity import complexity
from fuzzer.campaign.passes_in_place import (
    PAUSE,
    plain_names,
    plain_ops,
    plain_seed,
    quiet_server,
    short_waits,
    tiny_payload,
)
from fuzzer.plan import Batch, Close, Drop, Finish, Malformed, Open, Plan, Send


def sends(plan: Plan) -> list[tuple[int, int, str]]:
    return [(op.size, op.count, op.fill) for op in plan.ops() if isinstance(op, Send)]


def test_payloads_vanish_at_once_or_by_steps() -> None:
    plan = steps(Open("a", "u0"), Send("a", "m0", size=80, count=9, fill="markup"), Send("a", "m1", size=7))
    offers = [sends(other) for other in tiny_payload(plan)]
    assert offers[0] == [(0, 1, "ascii"), (0, 1, "ascii")]
    assert offers[1] == [(80, 9, "ascii"), (7, 1, "ascii")]
    first = [offer[0] for offer in offers[2:] if offer[1] == (7, 1, "ascii")]
    assert {size for size, count, fill in first if (count, fill) == (9, "markup")} - {80} == {0, 40, 60}
    assert {count for size, count, _ in first if size == 80} == {1, 5, 7, 8, 9}


def test_a_payload_that_must_be_large_comes_down_to_the_least_within_a_quarter() -> None:
    """Whoever takes each offer with at least 1000 characters in all ends near there."""
    plan = steps(Open("a", "u0"), Send("a", "m0", size=65_536, count=16))
    while True:
        fit = [other for other in tiny_payload(plan) if sum(size * count for size, count, _ in sends(other)) >= 1000]
        better = [other for other in fit if complexity(other) < complexity(plan)]
        if not better:
            break
        plan = better[0]
    ((size, count, _),) = sends(plan)
    assert 1000 <= size * count < 1400


def test_names_go_all_at_once_or_one_by_one() -> None:
    plan = Plan(steps(Open("a", "u0"), Open("b", "u1")).batches, names={"u0": "Ä", "u1": "ä"})
    assert [other.names for other in plain_names(plan)] == [{}, {"u1": "ä"}, {"u0": "Ä"}]


def test_ops_get_their_plainest_variant() -> None:
    plan = steps(
        Open("a", "u0", token="expired", abandon="after-101", how="fin"), Open("b", "u0"), Open("c", "u0"),
        Open("d", "u0"), Close("b", 4000, "bye"), Drop("c", "vanish"), Malformed("d", "long-ping"),
    )  # fmt: skip
    plainest = list(next(iter(plain_ops(plan))).ops())
    assert plainest[0] == Open("a", "u0")
    assert plainest[4:] == [Close("b"), Close("c"), Malformed("d", "not-json")]
    singles = [list(other.ops()) for other in plain_ops(plan)][1:]
    assert any(ops[5] == Drop("c", "reset") and ops[4] == Close("b", 4000, "bye") for ops in singles)
    assert any(ops[0] == Open("a", "u0", abandon="after-101", how="fin") for ops in singles)
    assert any(ops[4] == Close("b", 4000) for ops in singles)


def test_the_first_schedule() -> None:
    plan = Plan((Batch((Open("a", "u0"),)),), schedule_seed=77)
    assert [other.schedule_seed for other in plain_seed(plan)] == [0]


def test_the_server_is_left_alone_at_once_or_step_by_step() -> None:
    a, b = Batch((Open("a", "u0"),), wait=0.4), Batch((Close("a"),), "turn", frozen=1.0, restart=True)
    plan = Plan((a, b), cycles=9)
    offers = list(quiet_server(plan))
    assert offers[0] == Plan((Batch(a.ops), Batch(b.ops, "turn")))
    assert {other.cycles for other in offers[1:]} == {1, 5, 7, 8, 9}
    assert {other.batches[0].wait for other in offers} == {0.0, 0.2, 0.4}
    assert {(other.batches[1].frozen, other.batches[1].restart) for other in offers} >= {(0.5, True), (1.0, False)}


def test_short_pauses_stay_at_first() -> None:
    short, long = Batch((Open("a", "u0"),), wait=PAUSE), Batch((Close("a"),), wait=10 * PAUSE)
    offers = list(short_waits(Plan((short, long), cycles=9)))
    assert offers[0] == Plan((short, Batch(long.ops)))
    assert {other.cycles for other in offers} == {1, 9}  # a slope needs most of them, and is quicker with fewer ops
    assert {other.batches[0].wait for other in offers} == {PAUSE}
    assert {other.batches[1].wait for other in offers} >= {0.0, 5 * PAUSE}


def test_ways_on_the_wire_held_openings_and_half_closes_become_plain() -> None:
    plan = steps(Open("a", "u0", held=True), Finish("a"), Send("a", "m0", wire="drip"), Close("a", half=True))
    assert next(iter(tiny_payload(plan))).batches[2].ops == (Send("a", "m0"),)
    plainest = next(iter(plain_ops(plan)))
    assert (plainest.batches[0].ops, plainest.batches[3].ops) == ((Open("a", "u0"),), (Close("a"),))
