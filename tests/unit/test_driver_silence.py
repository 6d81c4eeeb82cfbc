"""What hubfuzz itself does on the wire while it waits, and in which order it prepares what races."""

from __future__ import annotations

import time

import pytest
import trio
from msgspec.structs import replace
from recording import POLICY, RecordingHub, Tab, record

from fuzzer.driver import frames
from fuzzer.driver.session import open_session
from fuzzer.history import DropInv, History, OpenInv, OpenOk, SendInv
from fuzzer.plan import Batch, Drop, Open, Plan, Send
from fuzzer.policy import Policy

OPEN_A, OPEN_B = Open("a", "u0"), Open("b", "u0")


class SilentHub(RecordingHub):
    """Delivers nothing to u0."""

    def _obey(self, tab: Tab, command: dict[str, str]) -> None:
        if not tab.user.endswith("u0"):
            super()._obey(tab, command)


class SlowHub(RecordingHub):
    """Takes its time to answer the handshake of u1."""

    def _talk(self, tab: Tab) -> None:
        time.sleep(0.2 if tab.user.endswith("u1") else 0.0)
        super()._talk(tab)


def run_on(hub: RecordingHub, plan: Plan, policy: Policy = POLICY) -> History:
    async def main() -> History:
        async with open_session(replace(hub.target, policy=policy)) as session:
            return await session.execute(plan)

    try:
        return trio.run(main)
    finally:
        hub.stop()


def pings(policy: Policy) -> int:
    """How many pings the hub has read of u0, to whom it owes a fence."""
    hub = SilentHub()
    run_on(hub, Plan((Batch((OPEN_A,)),)), policy)
    return sum(1 for entry in hub.of("u0") if entry[2] & 0xF == frames.PING)


@pytest.mark.parametrize(("rate", "pinged"), [(None, True), (50, False)])
def test_who_is_silent_is_pinged_unless_a_hub_that_limits_rates_may_count_that(rate: int | None, pinged: bool) -> None:
    assert (pings(replace(POLICY, rate=rate)) > 0) is pinged


def place(history: History, kind: type, **fields: str) -> int:
    found = (i for i, e in enumerate(history.events) if isinstance(e, kind))
    return next(i for i in found if all(getattr(history.events[i], name) == what for name, what in fields.items()))


def test_openings_are_prepared_before_frames_are_withheld() -> None:
    history, _ = record(Plan((Batch((OPEN_A,)), Batch((Send("a", "m0"), OPEN_B)))))
    assert place(history, OpenInv, conn="b") < place(history, SendInv, msg="m0")


def test_what_is_not_decided_is_awaited_before_anything_is_prepared() -> None:
    plan = Plan(
        (Batch((OPEN_A,)), Batch((Open("b", "u1"),)), Batch((Send("a", "m0"), Drop("b", "reset")), after="none"))
    )
    history = run_on(SlowHub(), plan)
    assert place(history, OpenOk, conn="b") < place(history, SendInv, msg="m0") < place(history, DropInv, conn="b")
