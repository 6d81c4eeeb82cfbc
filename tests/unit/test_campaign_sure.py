"""From a least plan that mostly fails to one that always does, and that is hardly larger."""

from __future__ import annotations

import pytest
import trio
from campaign_fakes import TWO_TABS, Bug, FakeHub, doubled, has, of, steps

from fuzzer.campaign.failure import Rate
from fuzzer.campaign.sure import CLEAN, LOOKS, MORE_OPS, first_sure, followed, last_sure, surer, surer_than
from fuzzer.campaign.symbols import tidy
from fuzzer.campaign.trials import Trials
from fuzzer.invariants import judge
from fuzzer.plan import Close, Drop, Open, Plan, Send, Subscribe

PRINT = of(doubled)


def sure_one(hub: FakeHub, candidates: list[Plan], seconds: float = 1e9) -> Plan | None:
    trials = Trials(hub, judge, hub.clock)
    return trio.run(first_sure, trials, PRINT, candidates, hub.clock() + seconds)


def test_a_message_more_is_sent_by_whoever_has_not_left() -> None:
    plan = steps(Open("a", "u0"), Open("b", "u0"), Open("c", "u1"), Open("d", "u1", abandon="after-101"), Close("a"))
    assert [tuple(p.ops())[-1] for p in followed(plan)] == [Send("b", "after.b"), Send("c", "after.c")]
    assert all(p.batches[-1].after == "fence" and p.batches[:-1] == plan.batches for p in followed(plan))


def test_it_goes_to_the_room_if_there_is_one() -> None:
    plan = steps(Open("a", "u0"), Subscribe("a", "r0"))
    assert [tuple(p.ops())[-1] for p in followed(plan)] == [Send("a", "after.a", room="r0")]


def test_nobody_is_left_to_send_it() -> None:
    assert not list(followed(steps(Open("a", "u0"), Drop("a"))))


def test_each_is_proposed_once_and_none_is_much_larger() -> None:
    way = [steps(Open("a", "u0"), *(Send("a", f"m{n}") for n in range(more))) for more in range(6)]
    proposed = list(surer(TWO_TABS, [*way, TWO_TABS]))
    assert all(p == tidy(p) for p in proposed)
    assert len(set(map(repr, proposed))) == len(proposed)
    assert TWO_TABS not in proposed
    assert max(p.size() for p in proposed) == TWO_TABS.size() + MORE_OPS
    assert tidy(way[3]) in proposed
    assert tidy(way[4]) not in proposed


def test_the_first_that_nearly_always_fails_is_taken() -> None:
    hub = FakeHub((Bug(has(Send), doubled),))
    without, less, more = steps(Open("a", "u0")), *followed(TWO_TABS)
    assert sure_one(hub, [without, less, more]) == less
    assert hub.executed == [without] * (CLEAN + 1) + [less] * LOOKS


@pytest.mark.parametrize("seed", range(20))
def test_what_fails_every_other_time_is_not_sure(seed: int) -> None:
    hub = FakeHub((Bug(has(Open), doubled, p=0.5),), seed=seed)
    assert sure_one(hub, [TWO_TABS]) is None


def test_the_time_ends_the_search() -> None:
    hub = FakeHub((Bug(has(Open), doubled),), seconds=1.0)
    assert sure_one(hub, [TWO_TABS], seconds=LOOKS / 2) is None
    assert len(hub.executed) == LOOKS / 2


WAY = [steps(Open("a", "u0"), *(Send("a", f"m{n}") for n in range(more))) for more in reversed(range(9))]


@pytest.mark.parametrize("least", range(1, 10))
def test_the_way_is_sure_as_far_as_it_goes(least: int) -> None:
    hub = FakeHub((Bug(lambda plan: plan.size() >= least, doubled),))
    trials = Trials(hub, judge, hub.clock)
    sure = trio.run(last_sure, trials, PRINT, WAY, hub.clock() + 1e9)
    assert sure is not None
    assert sure.size() == least


def test_not_even_the_first_is_sure() -> None:
    hub = FakeHub((Bug(has(Send), doubled, p=0.3),))
    trials = Trials(hub, judge, hub.clock)
    assert trio.run(last_sure, trials, PRINT, WAY, hub.clock() + 1e9) is None
    assert set(map(repr, hub.executed)) == {repr(WAY[0])}


@pytest.mark.parametrize(
    ("rate", "least"), [(None, 0.5), (Rate(0, 10), 0.5), (Rate(10, 20), 0.75), (Rate(17, 20), 0.9), (Rate(20, 20), 0.9)]
)
def test_what_is_handed_over_instead_leaves_half_of_the_clean_runs_at_most(rate: Rate | None, least: float) -> None:
    assert surer_than(rate) == least
