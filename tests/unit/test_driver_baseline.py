"""The server's counts are compared only while the control pair, which is counted too, stays the same."""

from __future__ import annotations

import pytest
import trio
from servers import with_hub

from fuzzer.driver import control, session
from fuzzer.driver.session import Session
from fuzzer.greeting import greet
from fuzzer.history import History, Probe
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.target import embedded_target
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Open, Plan, Send
from fuzzer.target.model import Target

PLAN = Plan(batches=(Batch(ops=(Open("a", "u0"),)),))


def test_a_pair_that_joins_late_is_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is slow for a while: the pair is open but no member when the plan begins, and is one at its end."""
    monkeypatch.setattr(control, "PATIENCE", 0.2)
    history = with_hub(lambda session: session.execute(PLAN), None, Knobs(limit=1, join_delay=0.4))
    assert judge(history).violations == ()
    assert [event for event in history.events if isinstance(event, Probe)] == []


def test_a_pair_that_is_replaced_makes_the_counts_worthless() -> None:
    async def counted(session: Session) -> tuple[dict[str, int], dict[str, int]]:
        await session.execute(PLAN)
        counts = session._steady_counts()
        before = await counts()
        session._control.dispose()
        await session._control.round_trip()
        return before, await counts()

    before, after = with_hub(counted, None, Knobs())
    assert before["connections"] == 2
    assert after == {}


CACHED = 0.6
SLOW = Plan((Batch((Open("a", "u0"),)), Batch((Send("a", "m0"),), wait=1.5 * CACHED)))


@pytest.mark.parametrize("before", ["greeting", "restart"])
def test_counts_out_of_a_cache_are_no_baseline_of_a_pair_opened_just_now(
    monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """A server may tell counts that are as old as t_release; the pair was opened by the greeting, or by a restart."""
    real, kept = session.read_counts, [(-CACHED, {"connections": 0})]

    async def cached(target: Target, port: int | None) -> dict[str, int]:
        if trio.current_time() - kept[-1][0] >= CACHED:
            kept.append((trio.current_time(), await real(target, port)))
        return kept[-1][1]

    monkeypatch.setattr(session, "read_counts", cached)

    async def use(hub: Session) -> History:
        if before == "greeting":
            await greet(hub)
        else:
            await hub.execute(Plan((Batch((Open("a", "u0"),), restart=True),)))
        return await hub.execute(SLOW)

    policy = embedded_target().policy
    assert policy.t_release >= CACHED
    history = with_hub(use)
    assert judge(history).violations == ()
    assert any(isinstance(event, Probe) and event.when == "before" for event in history.events)  # nor is there none
