"""How a campaign ends: interrupted, at its ceiling, with a server that is gone; what was found is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing
from campaign_fakes import (
    CROWD,
    QUIET,
    RACE,
    TWO_TABS,
    FakeHub,
    campaign,
    doubled,
    of,
)

from fuzzer.campaign import (
    Control,
    FailureStore,
    Finished,
    Options,
    ServerRestarted,
    ServerUnavailable,
    run_campaign,
)
from fuzzer.plan import Plan

ENDLESS = Options(seconds=None)


@pytest.mark.parametrize("on", ["exploring", "shrinking"])
@pytest.mark.parametrize("how", ["control", "keyboard"])
def test_an_interruption_keeps_what_was_found(tmp_path: Path, on: str, how: str) -> None:
    """While exploring, after a failure was shrunk; and in the middle of shrinking."""
    options = Options(seconds=None)
    hub = FakeHub((RACE,))
    control = Control(options, hub.clock)
    plans = [CROWD, QUIET, QUIET] if on == "exploring" else [CROWD]

    def interrupt(hub: FakeHub, plan: Plan) -> None:
        now = plan == QUIET if on == "exploring" else 2 < plan.size() < CROWD.size() and len(hub.executed) > 8
        if now and how == "keyboard":
            raise KeyboardInterrupt
        if now:
            control.interrupt()

    hub.meanwhile = interrupt
    ran = campaign(hub, plans, options, control=control, store=FailureStore(tmp_path))
    assert ran.result.stop_reason == "interrupted"
    (stored,) = FailureStore(tmp_path).all()
    assert stored.failure == ran.result.failures[0]
    assert stored.failure.shrunk == (on == "exploring")
    assert stored.failure.plan.size() < CROWD.size()
    assert isinstance(ran.events[-1], Finished)
    assert ran.result.totals.plans == 1


def test_an_interruption_ends_a_plan_that_hangs() -> None:
    hub = FakeHub()

    async def main() -> str:
        control = Control(ENDLESS, hub.clock)

        async def hang(plan: Plan, hurry: float = 1.0) -> None:
            control.interrupt()
            await trio.sleep_forever()

        hub.execute = hang  # type: ignore[method-assign]
        result = await run_campaign(hub, ENDLESS, plans=[QUIET], control=control, clock=hub.clock)
        return result.stop_reason

    assert trio.run(main) == "interrupted"


def test_the_ceiling_ends_a_plan_that_hangs() -> None:
    hub = FakeHub()

    async def hang(plan: Plan, hurry: float = 1.0) -> None:
        await trio.sleep_forever()

    hub.execute = hang  # type: ignore[method-assign]

    async def main() -> tuple[str, str]:
        result = await run_campaign(hub, Options(seconds=None, ceiling=60), plans=[QUIET], clock=hub.clock)
        return result.stop_reason, result.why

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == (
        "time",
        "the ceiling of 60 s is reached",
    )


def test_the_ceiling_ends_shrinking_and_keeps_the_file(tmp_path: Path) -> None:
    hub = FakeHub((RACE,), seconds=0.4)
    ran = campaign(hub, [CROWD], Options(seconds=None, ceiling=4), store=FailureStore(tmp_path))
    assert ran.result.stop_reason == "time"
    assert ran.result.totals.seconds < 7
    assert FailureStore(tmp_path).all()[0].failure.fingerprint == of(doubled)


@pytest.mark.parametrize("error", [OSError("connection refused"), ServerUnavailable("it exited with status 3")])
def test_a_server_that_is_gone_ends_it_and_keeps_what_was_found(tmp_path: Path, error: Exception) -> None:
    hub = FakeHub((RACE,))

    def die(hub: FakeHub, plan: Plan) -> None:
        hub.error = error if plan == QUIET else None

    hub.meanwhile = die
    ran = campaign(hub, [TWO_TABS, QUIET, QUIET], store=FailureStore(tmp_path))
    if isinstance(error, ServerUnavailable):
        assert ran.result.why == "it exited with status 3"
    assert ran.result.stop_reason == "server-unavailable"
    assert str(error) in ran.result.why
    assert FailureStore(tmp_path).all()[0].failure == ran.result.failures[0]


def test_any_other_error_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        campaign(FakeHub(error=ZeroDivisionError("a defect of the driver")), [QUIET])


def test_a_server_of_ones_own_is_restarted_and_the_campaign_goes_on() -> None:
    def break_once(hub: FakeHub, plan: Plan) -> None:
        hub.down = hub.down or len(hub.executed) == 2

    ran = campaign(FakeHub(meanwhile=break_once), [QUIET] * 5)
    assert ran.result.stop_reason == "done"
    assert [event.reason for event in ran.told(ServerRestarted)] == ["the server accepted no connection"]
    assert ran.result.totals.restarts == 1


def test_a_server_that_is_not_ours_is_given_up_after_three_plans_without_an_answer() -> None:
    ran = campaign(FakeHub(own=False, down=True), [QUIET] * 9)
    assert ran.result.stop_reason == "server-unavailable"
    assert ran.result.why == "the server accepts no connection any more, and it is not ours to restart"
    assert len(ran.hub.executed) == 3


def test_a_server_that_restarts_do_not_help_is_given_up() -> None:
    def break_it(hub: FakeHub, plan: Plan) -> None:
        hub.down = True

    ran = campaign(FakeHub(meanwhile=break_it), [QUIET] * 9)
    assert ran.result.why == "the server accepts no connection any more, although it was restarted"
