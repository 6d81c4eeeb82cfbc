"""How a plan ends: what is still listened for, and how long an answer is waited for."""

from __future__ import annotations

import pytest
import trio
from recording import recording
from servers import with_hub

from fuzzer.driver import closings
from fuzzer.driver.session import Session, open_session
from fuzzer.history import Abort, CloseLate, History, Lag, OpenInv, SendInv, UnsubOk
from fuzzer.hub.bugs import BUGS
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Close, Open, Plan, Subscribe, Unsubscribe

LEAVES_LAST = Plan(
    (
        Batch((Open("a", "u0"), Open("b", "u0"))),
        Batch((Subscribe("a", "r0"), Subscribe("b", "r0"))),
        Batch((Unsubscribe("b", "r0"),)),
    )
)


def history_of(plan: Plan, bug: str | None = None) -> History:
    async def use(session: Session) -> History:
        return await session.execute(plan)

    return with_hub(use, bug)


def test_who_has_left_a_room_at_the_end_is_listened_to_once_more() -> None:
    history = history_of(LEAVES_LAST)
    left = next(i for i, event in enumerate(history.events) if isinstance(event, UnsubOk))
    assert any(isinstance(e, SendInv) and e.group == "room:r0" and e.conn == "a" for e in history.events[left:])
    assert judge(history).violations == ()


def test_so_a_hub_that_does_not_remove_it_is_convicted_of_what_it_sends() -> None:
    assert "HF106" in {finding.code for finding in judge(history_of(LEAVES_LAST, "S14")).violations}


def test_hurry_scales_the_wait_for_an_answer_to_a_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closings, "CLOSE_TIMEOUT", 1e6)  # unscaled, this would never end

    async def use() -> History:
        with recording(answers_close=False) as hub:
            async with open_session(hub.target) as session:
                return await session.execute(Plan((Batch((Open("a", "u0"),)), Batch((Close("a"),)))), hurry=1e-7)

    assert any(isinstance(event, CloseLate) and event.conn == "a" for event in trio.run(use).events)


def test_who_never_came_to_rest_is_not_waited_for_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closings, "CLOSE_TIMEOUT", 1e6)  # with patience, this would never end
    histories = (history_of(BUGS["S33"].least, "S33") for _ in range(10))  # who reads quickly enough is not evicted
    history = next(one for one in histories if any(isinstance(event, Abort) for event in one.events))
    assert any(isinstance(event, CloseLate) for event in history.events)
    verdict = judge(history)
    assert verdict.violations
    assert "HF504" not in {finding.code for finding in verdict.violations}  # so short a wait proves nothing


def test_a_slot_is_tried_once_where_the_counts_were_waited_for_in_vain() -> None:
    """Of a machine so busy that the server answers slowly that cannot be said, so there more is tried."""
    histories = (history_of(BUGS["S18"].least, "S18") for _ in range(10))
    once = next(h for h in histories if slots(h) == ["slot:u0.0"] and not any(isinstance(e, Lag) for e in h.events))
    assert {"HF203", "HF401"} <= {finding.code for finding in judge(once).violations}


def slots(history: History) -> list[str]:
    return [e.conn for e in history.events if isinstance(e, OpenInv) and e.role == "slot"]
