"""The server's counts are compared only while the control pair, which is counted too, stays the same."""

from __future__ import annotations

import pytest
from servers import with_hub

from fuzzer.driver import control
from fuzzer.driver.session import Session
from fuzzer.history import Probe
from fuzzer.hub.knobs import Knobs
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Open, Plan

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
