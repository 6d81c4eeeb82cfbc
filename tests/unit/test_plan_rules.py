"""What a sensible plan is: each rule on both sides of the line, and normalise on arbitrary plans."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzzer.plan import (
    Batch,
    Close,
    Drop,
    Fill,
    Finish,
    Malformed,
    Mute,
    Op,
    Open,
    Ping,
    Plan,
    Query,
    Resume,
    Send,
    Separator,
    Stall,
    Subscribe,
    Unsubscribe,
    Wire,
)
from fuzzer.plan_ranges import at_least, smallest_size
from fuzzer.plan_rules import connection_symbol, kind_of, normalise, problems

OPEN_A, OPEN_B = Open(conn="a", user="u0"), Open(conn="b", user="u0")
HELD_A = Open(conn="a", user="u0", held=True)


def plan_of(*batches: tuple[Op, ...]) -> Plan:
    return Plan(batches=tuple(Batch(ops=ops) for ops in batches))


SENSIBLE = {
    "empty": plan_of(),
    "open beside others": plan_of((OPEN_A,), (OPEN_B, Send(conn="a", msg="m0"))),
    "end after stall": plan_of(
        (OPEN_A,), (Stall(conn="a"),), (Resume(conn="a"),), (Stall(conn="a"),), (Drop(conn="a"),)
    ),
    "after malformed": plan_of((OPEN_A,), (Malformed(conn="a"),), (Send(conn="a", msg="m0"),)),
    "double subscription": plan_of((OPEN_A,), (Subscribe(conn="a", room="r0"),), (Subscribe(conn="a", room="r0"),)),
    "held and finished": plan_of((HELD_A,), (OPEN_B,), (Finish(conn="a"),), (Ping(conn="a"),), (Query(conn="a"),)),
    "held and never finished": plan_of((HELD_A,), (OPEN_B,)),
    "ways on the wire": plan_of(
        (OPEN_A,),
        (Send(conn="a", msg="m0", size=1_000, count=4, wire="drip"),),
        (Send(conn="a", msg="m1", size=100_000, count=50, wire="fragments"),),
        (Send(conn="a", msg="m2", size=100_000, count=500, wire="one-segment"),),
    ),
    "times": Plan(batches=(Batch(ops=(OPEN_A,), wait=4.9, frozen=3.0), Batch(ops=(OPEN_B,), wait=0.1, restart=True))),
    "cycles": Plan(batches=(Batch(ops=(OPEN_A,)),), cycles=20),
    "half": plan_of((OPEN_A,), (Close(conn="a", half=True),)),
    "stranger to the room leaves": plan_of((OPEN_A,), (Unsubscribe(conn="a", room="r0"),)),
}

WRONG = {
    "batch 1, open a: a is opened a second time": plan_of((OPEN_A,), (OPEN_A,)),
    "batch 0, send a: a was never opened": plan_of((Send(conn="a", msg="m0"),)),
    "batch 0, send a: a second op on a in one batch": plan_of((OPEN_A, Send(conn="a", msg="m0"))),
    "batch 2, close a: a has already ended": plan_of((OPEN_A,), (Drop(conn="a"),), (Close(conn="a"),)),
    "batch 1, send a: a has already ended": plan_of(
        (Open(conn="a", user="u0", abandon="before-101"),), (Send(conn="a", msg="m0"),)
    ),
    "batch 1: no op": plan_of((OPEN_A,), ()),
    "batch 2, send a: message m0 is sent a second time": plan_of(
        (OPEN_A,), (Send(conn="a", msg="m0"),), (Send(conn="a", msg="m0"),)
    ),
    "batch 1, resume a: a is not stalled": plan_of((OPEN_A,), (Resume(conn="a"),)),
    "batch 2, stall a: a is already stalled": plan_of((OPEN_A,), (Stall(conn="a"),), (Stall(conn="a"),)),
    "batch 2, mute a: a is already mute": plan_of((OPEN_A,), (Mute(conn="a"),), (Mute(conn="a"),)),
    "batch 1, send a: size -1 is not in 0..16777216": plan_of((OPEN_A,), (Send(conn="a", msg="m0", size=-1),)),
    "batch 1, send a: count 0 is not in 1..10000": plan_of((OPEN_A,), (Send(conn="a", msg="m0", count=0),)),
    "batch 1, close a: code 65536 is not in 0..65535": plan_of((OPEN_A,), (Close(conn="a", code=65_536),)),
    "batch 1, close a: reason of 124 bytes; at most 123": plan_of((OPEN_A,), (Close(conn="a", reason="é" * 62),)),
    "batch 1, send a: a is held in its opening handshake": plan_of((HELD_A,), (Send(conn="a", msg="m0"),)),
    "batch 1, drop a: a is held in its opening handshake": plan_of((HELD_A,), (Drop(conn="a"),)),
    "batch 2, finish a: a is not held in its opening handshake": plan_of(
        (HELD_A,), (Finish(conn="a"),), (Finish(conn="a"),)
    ),
    "batch 0, open a: an opening that is abandoned cannot be held, too": plan_of(
        (Open(conn="a", user="u0", abandon="after-101", held=True),)
    ),
    "batch 1, send a: size 1001 is not in 0..1000": plan_of((OPEN_A,), (Send("a", "m0", size=1_001, wire="drip"),)),
    "batch 1, send a: count 5 is not in 1..4": plan_of((OPEN_A,), (Send("a", "m0", count=5, wire="drip"),)),
    "batch 1, send a: count 51 is not in 1..50": plan_of((OPEN_A,), (Send("a", "m0", count=51, wire="fragments"),)),
    "batch 0: wait is -1 s; it must be 0 or more": Plan(batches=(Batch(ops=(OPEN_A,), wait=-1.0),)),
    "batch 0: frozen is nan s; it must be 0 or more": Plan(batches=(Batch(ops=(OPEN_A,), frozen=math.nan),)),
    "wait: 6 s in all batches together; at most 5": Plan(
        batches=(Batch(ops=(OPEN_A,), wait=4.0), Batch(ops=(OPEN_B,), wait=2.0))
    ),
    "frozen: 4 s in all batches together; at most 3": Plan(batches=(Batch(ops=(OPEN_A,), frozen=4.0),)),
    "cycles is 0, not in 1..20": Plan(batches=(Batch(ops=(OPEN_A,)),), cycles=0),
    "cycles is 2, not in 1..1 for a plan that restarts the server": Plan(
        batches=(Batch(ops=(OPEN_A,), restart=True),), cycles=2
    ),
    "names: u1 opens nothing": Plan(batches=(Batch(ops=(OPEN_A,)),), names={"u1": "ann"}),
    "names: the name of u0 is empty": Plan(batches=(Batch(ops=(OPEN_A,)),), names={"u0": ""}),
    "names: two users have the same name": Plan(
        batches=(Batch(ops=(OPEN_A, Open(conn="b", user="u1"))),), names={"u0": "u1"}
    ),
    "schedule_seed is -1; it must be 0 or more": Plan(batches=(Batch(ops=(OPEN_A,)),), schedule_seed=-1),
}


@pytest.mark.parametrize("plan", SENSIBLE.values(), ids=SENSIBLE)
def test_sensible_plans_have_no_problem_and_stay(plan: Plan) -> None:
    assert problems(plan) == ()
    assert normalise(plan) == plan


@pytest.mark.parametrize(("line", "plan"), WRONG.items(), ids=WRONG)
def test_each_problem_is_one_line_and_can_be_normalised_away(line: str, plan: Plan) -> None:
    assert problems(plan) == (line,)
    assert problems(normalise(plan)) == ()


def test_normalise_keeps_what_it_can() -> None:
    wild = plan_of((OPEN_A,), (Send(conn="a", msg="m0", size=-5, count=20_000), Send(conn="b", msg="m1")), ())
    assert normalise(wild) == plan_of((OPEN_A,), (Send(conn="a", msg="m0", size=0, count=10_000),))
    slow = Plan(batches=(Batch(ops=(OPEN_A,), wait=4.0), Batch(ops=(OPEN_B,), wait=4.0, frozen=9.0)), cycles=99)
    assert normalise(slow).cycles == 20
    assert [(b.wait, b.frozen) for b in normalise(slow).batches] == [(4, 0), (pytest.approx(1), pytest.approx(3))]


def test_normalise_follows_a_dropped_open() -> None:
    plan = Plan(
        batches=(Batch(ops=(OPEN_B,)), Batch(ops=(Subscribe(conn="a", room="r0"),)), Batch(ops=(Close(conn="b"),))),
        names={"u0": "ann", "u7": "bob"},
    )
    assert normalise(plan) == Plan(batches=(Batch(ops=(OPEN_B,)), Batch(ops=(Close(conn="b"),))), names={"u0": "ann"})


def test_a_reason_is_cut_between_characters() -> None:
    (batch,) = normalise(plan_of((OPEN_A,), (Close(conn="a", reason="é" * 100),))).batches[1:]
    assert batch.ops == (Close(conn="a", reason="é" * 61),)


CONNS, USERS = st.sampled_from("abc"), st.sampled_from(["u0", "u1"])
SYMBOLS, ROOMS = st.sampled_from(["m0", "m1", "m2"]), st.sampled_from(["r0", "r1"])
NUMBERS = st.sampled_from([-1, 0, 1, 3, 200_000, 20_000_000])
OPS = st.one_of(
    st.builds(Open, conn=CONNS, user=USERS, abandon=st.sampled_from([None, None, "half-request"]), held=st.booleans()),
    st.builds(
        Send,
        conn=CONNS,
        msg=SYMBOLS,
        size=NUMBERS,
        count=NUMBERS,
        fill=st.sampled_from(get_args(Fill)),
        wire=st.sampled_from(get_args(Wire)),
    ),
    st.builds(Finish, conn=CONNS),
    st.builds(Ping, conn=CONNS),
    st.builds(Query, conn=CONNS),
    st.builds(Close, conn=CONNS, code=NUMBERS, reason=st.sampled_from(["", "x" * 200, "😀" * 40])),
    st.builds(Drop, conn=CONNS),
    st.builds(Stall, conn=CONNS),
    st.builds(Resume, conn=CONNS),
    st.builds(Mute, conn=CONNS),
    st.builds(Malformed, conn=CONNS),
    st.builds(Subscribe, conn=CONNS, room=ROOMS),
    st.builds(Unsubscribe, conn=CONNS, room=ROOMS),
)
SECONDS = st.sampled_from([0.0, 0.0, 0.1, 0.7, 2.6, -1.0, math.inf])
BATCHES = st.builds(
    Batch,
    ops=st.lists(OPS, max_size=5).map(tuple),
    after=st.sampled_from(get_args(Separator)),
    wait=SECONDS,
    frozen=SECONDS,
    restart=st.sampled_from([False, False, True]),
)
PLANS = st.builds(
    Plan,
    batches=st.lists(BATCHES, max_size=8).map(tuple),
    schedule_seed=NUMBERS,
    cycles=st.sampled_from([1, 1, 0, 5, 21]),
    names=st.dictionaries(USERS, st.sampled_from(["", "ann", "u0", "u1", "é"])),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(PLANS)
def test_normalise_is_valid_idempotent_and_takes_nothing_from_a_sensible_plan(plan: Plan) -> None:
    better = normalise(plan)
    assert problems(better) == ()
    assert normalise(better) == better
    assert (better == plan) == (problems(plan) == ())
    assert better.size() <= plan.size()


def test_symbols_and_kinds() -> None:
    assert [connection_symbol(n) for n in (0, 25, 26, 27, 701, 702)] == ["a", "z", "aa", "ab", "zz", "aaa"]
    assert kind_of(Subscribe(conn="a", room="r0")) == "subscribe"


def test_no_message_is_smaller_than_the_least() -> None:
    told = Plan((Batch((Open("a", "u0"),)), Batch((Send("a", "m0"), Send("a", "m1", size=7)))))
    raised = Plan((Batch((Open("a", "u0"),)), Batch((Send("a", "m0", size=3), Send("a", "m1", size=7)))))
    assert at_least(told, 3) == raised
    assert at_least(raised, 3) is raised
    assert [smallest_size(raised, most) for most in (0, 2, 5)] == [0, 2, 3]
    assert smallest_size(Plan(()), 5) == 5
