"""Campaigns for callers without an event loop: results, errors, and Ctrl-C."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from campaign_fakes import CROWD, QUIET, RACE, FakeHub, by_the_book, doubled, of

from fuzzer.campaign import FailureStore, Options, Runner, fuzz, replay_failure
from fuzzer.history import History
from fuzzer.plan import Plan

ENDLESS = Options(seconds=None)


def opening(hub: FakeHub, closed: list[bool] | None = None) -> Callable[[], AbstractAsyncContextManager[Runner]]:
    """Opens the hub; ``closed`` hears of its end."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Runner]:
        try:
            yield hub
        finally:
            if closed is not None:
                closed.append(True)

    return opened


def press_ctrl_c(hub: FakeHub, plan: Plan) -> None:
    signal.raise_signal(signal.SIGINT)


def test_a_campaign_from_synchronous_code() -> None:
    closed: list[bool] = []
    hub = FakeHub((RACE,))
    result = fuzz(opening(hub, closed), ENDLESS, plans=[QUIET, CROWD], clock=hub.clock)
    assert [failure.fingerprint for failure in result.failures] == [of(doubled)]
    assert closed == [True]


def test_the_clock_starts_when_the_server_is_up() -> None:
    hub = FakeHub()

    @asynccontextmanager
    async def slow() -> AsyncIterator[Runner]:
        hub.clock.advance(100)
        yield hub

    result = fuzz(slow, Options(seconds=5), plans=[QUIET] * 3, clock=hub.clock)
    assert result.totals.plans == 3


@pytest.mark.parametrize("while_shrinking", [False, True])
def test_ctrl_c_ends_it_with_a_result_and_what_was_found_is_on_disk(tmp_path: Path, while_shrinking: bool) -> None:
    before = signal.getsignal(signal.SIGINT)
    pressed: list[bool] = []

    def press(hub: FakeHub, plan: Plan) -> None:
        now = len(hub.executed) == 12 if while_shrinking else plan == QUIET
        if now and not pressed:
            pressed.append(True)
            press_ctrl_c(hub, plan)

    hub = FakeHub((RACE,), meanwhile=press)
    plans = itertools.chain([CROWD], itertools.repeat(QUIET))
    result = fuzz(opening(hub), ENDLESS, plans=plans, store=FailureStore(tmp_path), clock=hub.clock)
    assert result.stop_reason == "interrupted"
    (stored,) = FailureStore(tmp_path).all()
    assert stored.failure.shrunk != while_shrinking
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_at_the_very_end_takes_nothing_away() -> None:
    result = fuzz(opening(FakeHub(meanwhile=press_ctrl_c)), ENDLESS, plans=[QUIET])
    assert result.totals.plans == 1
    assert result.stop_reason in ("done", "interrupted")  # whichever was first


def test_a_second_ctrl_c_is_a_keyboard_interrupt() -> None:
    """While a runner will not let itself be cancelled."""
    hub = FakeHub()

    async def stubborn(plan: Plan, hurry: float = 1.0) -> History:
        with trio.CancelScope(shield=True):
            press_ctrl_c(hub, plan)
            await trio.testing.wait_all_tasks_blocked()
            press_ctrl_c(hub, plan)
            await trio.testing.wait_all_tasks_blocked()
        return by_the_book(plan).history()

    hub.execute = stubborn  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        fuzz(opening(hub), ENDLESS, plans=[QUIET])


def test_off_the_main_thread_it_runs_without_listening_for_signals() -> None:
    results = []
    hub = FakeHub()
    thread = threading.Thread(
        target=lambda: results.append(fuzz(opening(hub), ENDLESS, plans=[QUIET], clock=hub.clock))
    )
    thread.start()
    thread.join()
    assert results[0].stop_reason == "done"


def test_an_error_of_the_runner_ends_what_was_opened() -> None:
    closed: list[bool] = []
    with pytest.raises(BaseExceptionGroup) as caught:
        fuzz(opening(FakeHub(error=ValueError("a defect")), closed), ENDLESS, plans=[QUIET])
    assert caught.group_contains(ValueError, match="a defect")
    assert closed == [True]


def test_replaying_a_failure() -> None:
    hub = FakeHub((RACE,))
    failure = fuzz(opening(hub), ENDLESS, plans=[CROWD], clock=hub.clock).failures[0]
    told: list[str] = []
    again = replay_failure(opening(FakeHub((RACE,))), failure, 4, on_run=lambda rate: told.append(str(rate)))
    assert str(again) == "FAILED 4/4"
    assert told == ["1/1", "2/2", "3/3", "4/4"]
    assert str(replay_failure(opening(FakeHub()), failure, 4)) == "FIXED 0/4"
    assert replay_failure(opening(FakeHub(error=OSError("gone"))), failure, 4).outcome == "ERROR"
