"""Shares of a seed: every plan is executed once, by somebody, whoever dies."""

from __future__ import annotations

import random

import pytest

from fuzzer.workers.messages import Share
from fuzzer.workers.shares import Shares, size
from strategies.draw import most_in_share


def test_scenarios_come_first_then_share_after_share() -> None:
    shares = Shares(["limit", "cleanup"], plans=None, drawn=True)
    taken = [shares.take() for _ in range(4)]
    assert taken == [
        Share(scenario="limit", end=1),
        Share(scenario="cleanup", end=1),
        Share(number=0, end=most_in_share(0)),
        Share(number=1, end=most_in_share(1)),
    ]


def test_only_scenarios() -> None:
    shares = Shares(["limit"], plans=None, drawn=False)
    only = shares.take()
    assert only is not None
    assert (shares.take(), shares.exhausted) == (None, False)
    shares.done(only, 1)
    assert shares.exhausted


def test_no_more_plans_are_handed_out_than_were_asked_for() -> None:
    shares = Shares(["limit"], plans=20, drawn=True)
    taken = []
    while (share := shares.take()) is not None:
        taken.append(share)
    assert sum(map(size, taken)) == 20
    assert taken[-1] == Share(number=1, end=19 - most_in_share(0))


def test_a_share_that_held_fewer_plans_leaves_room_for_others() -> None:
    shares = Shares([], plans=most_in_share(0) + 1, drawn=True)
    first, second = shares.take(), shares.take()
    assert first is not None
    assert second == Share(number=1, end=1)
    shares.done(first, most_in_share(0) - 2)
    assert shares.take() == Share(number=1, begin=1, end=3)


def test_what_is_lost_is_handed_out_again_from_where_it_was_left() -> None:
    shares = Shares([], plans=None, drawn=True)
    share = shares.take()
    assert share is not None
    shares.lost(share, 3, begun=True)
    assert shares.take() == Share(number=0, begin=3, end=most_in_share(0))


def test_a_plan_that_two_workers_did_not_survive_is_left_out() -> None:
    shares = Shares([], plans=None, drawn=True)
    first = shares.take()
    assert first is not None
    assert shares.lost(first, 3, begun=True) == ""
    second = shares.take()
    assert second is not None
    assert shares.lost(second, 0, begun=True) == "plan 0.4", "as the worker called it"
    assert shares.take() == Share(number=0, begin=4, end=most_in_share(0))


def test_a_scenario_that_two_workers_did_not_survive_is_left_out() -> None:
    shares = Shares(["limit"], plans=None, drawn=False)
    for said in ("", "scenario limit"):
        share = shares.take()
        assert share is not None
        assert shares.lost(share, 0, begun=True) == said
    assert shares.exhausted


def test_who_dies_behind_the_last_plan_of_a_share_is_no_reason_to_leave_any_out() -> None:
    shares = Shares(["limit", "cleanup"], plans=None, drawn=False)
    for _ in range(2):
        share = shares.take()
        assert share is not None
        assert shares.lost(share, 1, begun=True) == ""


def test_a_share_that_was_not_begun_is_blamed_for_nothing() -> None:
    shares = Shares([], plans=None, drawn=True)
    for _ in range(3):
        share = shares.take()
        assert share == Share(number=0, end=most_in_share(0))
        assert shares.lost(share, 0, begun=False) == ""


@pytest.mark.parametrize("seed", range(20))
def test_whoever_dies_each_plan_is_executed_once(seed: int) -> None:
    """Workers take, execute and lose at random; what a share really holds is only known once it is drawn."""
    chance = random.Random(seed)
    held = [chance.randint(1, most_in_share(number)) for number in range(40)]
    asked = chance.randint(1, 300)
    shares = Shares(["one", "two"], plans=asked, drawn=True)
    executed: list[tuple[str, int, int]] = []
    out: list[Share] = []
    while not shares.exhausted:
        if len(out) < 4 and (share := shares.take()) is not None:
            out.append(share)
        elif out:
            share = out.pop(chance.randrange(len(out)))
            there = 1 if share.scenario else max(0, min(share.end, held[share.number]) - share.begin)
            done = chance.randint(0, there) if chance.random() < 0.3 else there
            executed += [(share.scenario, share.number, share.begin + i) for i in range(done)]
            if done == there:
                shares.done(share, done)
            else:
                shares.lost(share, done, begun=False)
    assert len(executed) == len(set(executed)) == asked
