"""The six scenarios: sensible for every policy, and each does what its name says."""

from __future__ import annotations

from itertools import product
from typing import Literal

import pytest

from fuzzer.plan import Batch, Close, Drop, Malformed, Open, Plan, Query, Send, Stall, Subscribe
from fuzzer.plan_rules import problems
from fuzzer.policy import Limit, Policy
from fuzzer.scenario_script import Abilities
from fuzzer.scenarios import SCENARIOS

LIMITS = (None, 1, 2, 5, 10)
OVERS: tuple[Literal["reject", "evict-oldest"], ...] = ("reject", "evict-oldest")
GROUPS: tuple[Literal["user", "room", "all"], ...] = ("user", "room", "all")


def policy_of(limit: int | None, over: Literal["reject", "evict-oldest"] = "reject", group: str = "user") -> Policy:
    return Policy(group=group, limit=None if limit is None else Limit(max=limit, over=over))  # type: ignore[arg-type]


def build(name: str, policy: Policy, **abilities: bool) -> Plan:
    plan = SCENARIOS[name].build(policy, Abilities(**abilities))
    assert plan is not None
    return plan


def test_the_six_of_the_specification() -> None:
    assert list(SCENARIOS) == ["five-tabs", "broadcast", "limit", "lifecycle", "failure-isolation", "cleanup"]
    assert all(name == scenario.name and scenario.version >= 1 for name, scenario in SCENARIOS.items())


@pytest.mark.parametrize("name", SCENARIOS)
def test_sensible_for_every_policy_or_a_reason(name: str) -> None:
    for limit, over, group, ability in product(LIMITS, OVERS, GROUPS, (False, True)):
        policy = policy_of(limit, over, group)
        plan = SCENARIOS[name].build(policy, Abilities(rooms=ability, sessions=ability, tokens=ability))
        reason = SCENARIOS[name].reason(policy)
        assert (plan is None) == bool(reason)
        assert plan is None or (problems(plan) == () and plan.batches)
        assert "\n" not in reason


def test_of_a_limit_that_all_share_a_plan_has_what_the_control_pair_leaves() -> None:
    policy = Policy(limit=Limit(max=5, scope="global"))
    opens = [op for op in build("five-tabs", policy).batches[0].ops if isinstance(op, Open)]
    assert len(opens) == 3
    assert {op.user for op in build("failure-isolation", policy).ops() if isinstance(op, Open)} == {"u0"}
    assert "policy.limit.max is 3" not in SCENARIOS["broadcast"].reason(Policy(limit=Limit(max=3, scope="global")))
    assert "policy.limit.max is 2" in SCENARIOS["broadcast"].reason(Policy(limit=Limit(max=2, scope="global")))


def test_reasons_name_the_dial() -> None:
    assert SCENARIOS["limit"].reason(policy_of(None)) == "the target file declares no policy.limit"
    assert "policy.limit.max is 1" in SCENARIOS["broadcast"].reason(policy_of(1))
    assert "policy.limit.max is 500" in SCENARIOS["limit"].reason(policy_of(500))
    assert SCENARIOS["limit"].reason(policy_of(1)) == ""


@pytest.mark.parametrize(("limit", "tabs"), [(None, 6), (2, 2), (5, 5), (10, 6)])
def test_five_tabs_open_at_once_and_each_speaks(limit: int | None, tabs: int) -> None:
    plan = build("five-tabs", policy_of(limit))
    assert [type(op) for op in plan.batches[0].ops] == [Open] * tabs
    senders = [op.conn for op in plan.ops() if isinstance(op, Send)]
    assert {senders.count(op.conn) for op in plan.batches[0].ops} == {2}


def test_broadcast_from_each_tab_and_in_bursts() -> None:
    plan = build("broadcast", policy_of(5))
    tabs = {op.conn for op in plan.batches[0].ops}
    sends = [op for op in plan.ops() if isinstance(op, Send)]
    assert {op.conn for op in sends if op.count == 1} == tabs
    assert {op.conn for op in sends if op.count > 1} == tabs


@pytest.mark.parametrize("over", OVERS)
def test_limit_goes_one_above_together_and_alone_then_one_leaves_and_one_enters(
    over: Literal["reject", "evict-oldest"],
) -> None:
    plan = build("limit", policy_of(3, over))
    kinds = [tuple(type(op) for op in batch.ops) for batch in plan.batches]
    assert kinds == [(Open,) * 4, (Open,), (Close,), (Open,), (Send,)]
    (leaver,) = plan.batches[2].ops
    # under reject the first of the crowd is surely in; under eviction only the newest is
    assert leaver.conn == ("a" if over == "reject" else plan.batches[1].ops[0].conn)


def test_lifecycle_joins_and_leaves_beside_messages() -> None:
    plan = build("lifecycle", policy_of(None))
    mixed = [{type(op) for op in batch.ops} for batch in plan.batches]
    assert {Open, Send} in mixed
    assert {Close, Send} in mixed
    assert {Drop, Send} in mixed


@pytest.mark.parametrize("limit", LIMITS)
def test_lifecycle_never_holds_more_than_the_limit(limit: int | None) -> None:
    here: set[str] = set()
    for batch in build("lifecycle", policy_of(limit)).batches:
        here |= {op.conn for op in batch.ops if isinstance(op, Open)}
        assert limit is None or len(here) <= limit
        here -= {op.conn for op in batch.ops if isinstance(op, Close | Drop)}


def test_where_a_session_takes_over_the_newest_tab_is_loaded_again_and_speaks() -> None:
    plan = build("lifecycle", Policy(sessions="takeover"), sessions=True)
    *others, last = (op for op in plan.ops() if isinstance(op, Open))
    assert last.session == others[-1].session
    assert last.conn in {op.conn for op in plan.batches[-1].ops}
    assert others[-1].conn not in {op.conn for op in plan.batches[-1].ops}
    for policy, sessions in ((Policy(sessions="takeover"), False), (Policy(), True)):
        opens = [op for op in build("lifecycle", policy, sessions=sessions).ops() if isinstance(op, Open)]
        assert len(opens) == len(others)


def test_failure_isolation_has_every_failure_beside_a_survivor() -> None:
    plan = build("failure-isolation", policy_of(2))
    drops = {op.how for op in plan.ops() if isinstance(op, Drop)}
    assert drops == {"reset", "fin", "vanish"}
    assert sum(isinstance(op, Malformed) for op in plan.ops()) == 2
    failing = [batch for batch in plan.batches if any(isinstance(op, Drop | Malformed) for op in batch.ops)]
    assert all(any(isinstance(op, Send) for op in batch.ops) for batch in failing)


def test_a_stall_has_more_behind_it_than_buffers_hold() -> None:
    plan = build("failure-isolation", Policy(stall_bytes=6_000_000))
    after = _after(plan, Stall)
    assert max(op.size * op.count for batch in after for op in batch.ops if isinstance(op, Send)) >= 6_000_000


def test_small_frames_are_never_exceeded() -> None:
    plan = build("failure-isolation", Policy(max_size=2_000))
    assert max(op.size for op in plan.ops() if isinstance(op, Send)) <= 2_000 - 1_024


def test_cleanup_ends_in_every_way_and_then_all_come_again() -> None:
    plan = build("cleanup", policy_of(5), tokens=True)
    ops = list(plan.ops())
    assert {op.how for op in ops if isinstance(op, Drop)} == {"reset", "fin", "vanish"}
    assert {op.abandon for op in ops if isinstance(op, Open)} == {None, "half-request", "before-101", "after-101"}
    assert {op.code for op in ops if isinstance(op, Close)} == {1000, 4000}
    assert [op.token for op in ops if isinstance(op, Open) and op.token != "valid"] == ["expired"]
    assert [len(batch.ops) for batch in plan.batches[-3:]] == [3, 3, 2]


def test_rooms_are_entered_before_anybody_speaks_in_them() -> None:
    for name in SCENARIOS:
        inside: set[str] = set()
        for batch in build(name, policy_of(5, group="room"), rooms=True).batches:
            assert all(op.conn in inside and op.room == "r0" for op in batch.ops if isinstance(op, Send))
            inside |= {op.conn for op in batch.ops if isinstance(op, Subscribe)}


def test_sessions_are_never_shared() -> None:
    for name in SCENARIOS:
        opens = [op for op in build(name, policy_of(5), sessions=True).ops() if isinstance(op, Open) and not op.abandon]
        assert len({op.session for op in opens}) == len(opens)


def _after(plan: Plan, kind: type) -> tuple[Batch, ...]:
    place = next(n for n, batch in enumerate(plan.batches) if any(isinstance(op, kind) for op in batch.ops))
    return plan.batches[place + 1 :]


@pytest.mark.parametrize(("bound", "asked"), [(0.5, 1), (None, 0), (30.0, 0)])
@pytest.mark.parametrize("name", ["limit", "lifecycle", "cleanup"])
def test_presence_is_asked_for_when_it_must_be_right(name: str, bound: float | None, asked: int) -> None:
    policy = Policy(limit=Limit(max=3), t_presence=bound, t_release=0.5, t_detect=0.5)
    plan = build(name, policy, presence=True)
    waits = [batch.wait for batch in plan.batches if any(isinstance(op, Query) for op in batch.ops)]
    assert len(waits) == asked
    assert all(wait >= (1.0 if name == "cleanup" else 0.5) for wait in waits)
    assert problems(plan) == ()
    assert not any(isinstance(op, Query) for op in build(name, policy).ops())


@pytest.mark.parametrize(("bound", "users"), [(0.5, {"u0", "u1"}), (None, {"u0"})])
def test_cleanup_has_a_witness_only_where_there_is_something_to_ask(bound: float | None, users: set[str]) -> None:
    plan = build("cleanup", Policy(limit=Limit(max=3), t_presence=bound, t_release=0.5, t_detect=0.5), presence=True)
    assert {op.user for op in plan.ops() if isinstance(op, Open)} == users
