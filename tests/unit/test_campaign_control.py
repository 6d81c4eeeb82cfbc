"""``Control``: every stopping rule, and which one is told when several hold."""

from __future__ import annotations

import pytest
from campaign_fakes import FakeClock

from fuzzer.campaign import Control, Options

NO_BOUND = Options(seconds=None)


def control(options: Options = NO_BOUND) -> tuple[Control, FakeClock]:
    clock = FakeClock()
    return Control(options, clock), clock


def reason(of: Control) -> str | None:
    stopped = of.stopped()
    return stopped and stopped[0]


def test_without_bounds_it_goes_on() -> None:
    made, clock = control()
    clock.advance(1e6)
    made.plan_executed()
    made.failures_found(99)
    assert made.stopped() is None
    assert made.may_explore
    assert made.may_shrink
    assert made.ceiling == float("inf")


def test_seconds_end_exploration_and_leave_time_for_shrinking() -> None:
    made, clock = control(Options(seconds=5))
    made.plan_executed()
    clock.advance(4.9)
    assert made.may_explore
    clock.advance(0.1)
    assert made.stopped() == ("time", "5 s are over")
    assert not made.may_explore
    assert made.may_shrink


def test_time_for_shrinking_does_not_count_as_exploration() -> None:
    made, clock = control(Options(seconds=5))
    made.plan_executed()
    clock.advance(30)
    made.exclude(28)
    assert made.explored == pytest.approx(2)
    assert made.elapsed == pytest.approx(30)
    assert made.may_explore


def test_the_ceiling_counts_everything() -> None:
    made, clock = control(Options(seconds=50, ceiling=7))
    made.plan_executed()
    clock.advance(7)
    made.exclude(7)
    assert made.stopped() == ("time", "the ceiling of 7 s is reached")
    assert not made.may_explore
    assert not made.may_shrink
    assert made.ceiling == clock.now


def test_plans_are_counted() -> None:
    made, _ = control(Options(seconds=None, plans=2))
    made.plan_executed()
    assert made.may_explore
    made.plan_executed()
    assert made.stopped() == ("plans", "2 plans executed, as asked for")


def test_the_most_failures() -> None:
    made, _ = control(Options(seconds=None, max_failures=1))
    made.failures_found(0)
    assert made.may_explore
    made.failures_found(1)
    assert made.stopped() == ("failure-limit", "found 1 failure, the most that was asked for")
    assert made.may_shrink


def test_no_more_plans() -> None:
    made, _ = control()
    made.plans_exhausted()
    assert made.stopped() == ("done", "all plans are executed")


@pytest.mark.parametrize("options", [Options(seconds=0), Options(seconds=None, plans=0), Options(ceiling=0)])
def test_one_plan_always_runs(options: Options) -> None:
    made, _ = control(options)
    assert made.may_explore
    made.plan_executed()
    assert not made.may_explore


@pytest.mark.parametrize("options", [Options(seconds=0), Options(seconds=None, plans=0)])
def test_not_even_one_after_an_interruption_or_without_a_server(options: Options) -> None:
    interrupted, _ = control(options)
    interrupted.interrupt()
    dead, _ = control(options)
    dead.server_unavailable("gone")
    assert not interrupted.may_explore
    assert not dead.may_explore


def test_the_order_of_reasons() -> None:
    """All hold at once; each that is taken away uncovers the next."""
    options = Options(seconds=3, plans=1, max_failures=1, ceiling=3)
    layers = [
        (options, "interrupted", lambda made: made.interrupt()),
        (options, "server-unavailable", lambda made: made.server_unavailable("the server is gone")),
        (options, "failure-limit", lambda made: made.failures_found(1)),
        (Options(seconds=3, plans=1), "time", lambda made: None),
        (Options(seconds=None, plans=1), "plans", lambda made: made.plan_executed()),
        (NO_BOUND, "done", lambda made: made.plans_exhausted()),
    ]
    for number, (asked, wanted, _) in enumerate(layers):
        made, clock = control(asked)
        clock.advance(3)
        for _, _, happens in layers[number:]:
            happens(made)
        assert reason(made) == wanted


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (Options(seconds=100), 47.0),
        (Options(seconds=100, ceiling=20), 7.0),
        (Options(seconds=None, ceiling=20), 7.0),
        (Options(seconds=100, stored_seconds=3), 0.0),
        (Options(seconds=None, plans=9), float("inf")),
    ],
)
def test_stored_failures_have_half_of_the_time_but_for_shrinking(options: Options, left: float) -> None:
    made, clock = control(options)
    clock.advance(5)
    made.exclude(2)
    assert made.for_stored == left


def test_the_servers_end_is_told_in_its_own_words() -> None:
    made, _ = control()
    made.server_unavailable("it exited with status 3")
    assert made.stopped() == ("server-unavailable", "it exited with status 3")
    assert not made.may_shrink


def test_an_interruption_ends_what_is_running_whenever_it_comes() -> None:
    for early in (True, False):
        made, _ = control()
        calls: list[int] = []
        if early:
            made.interrupt()
        made.when_interrupted(lambda calls=calls: calls.append(1))
        if not early:
            assert calls == []
            made.interrupt()
        assert calls == [1]
        assert not made.may_shrink
