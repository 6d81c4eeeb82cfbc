"""Who has begun to leave a room is owed nothing more of it, however long the silence lasts."""

from __future__ import annotations

import pytest

from fuzzer.history import (
    Control,
    Dlv,
    DropInv,
    Event,
    History,
    Joined,
    OpenInv,
    OpenOk,
    Quiet,
    SendInv,
    SendOk,
    SubInv,
    UnsubInv,
)
from fuzzer.invariants import judge
from fuzzer.plan import Plan
from fuzzer.policy import Policy


def silence(leaves: bool, sender_drops: bool) -> History:
    """Three members of a room; c sends m0, which reaches b and never a; the deadline passes healthily."""
    events: list[Event] = []
    for name in "abc":
        events += [OpenInv(0.0, name, "u0"), OpenOk(0.0, name), Joined(0.0, name, "user:u0")]
        events += [SubInv(0.0, name, "r0"), Joined(0.0, name, "room:r0")]
    events += [SendInv(0.1, "m0", "c", "room:r0"), SendOk(0.1, "m0")]
    events += [UnsubInv(0.1, "a", "r0")] if leaves else []
    events += [DropInv(0.1, "c", "reset")] if sender_drops else []
    events += [Dlv(0.11, "m0", "b")]
    events += [Control(0.2 + i / 10, True, 0.15 + i / 10) for i in range(80)]
    return History((*events, Quiet(9.0, False)), Policy(deadline=5.0), Plan(()))


def codes(history: History) -> set[str]:
    return {finding.code for finding in judge(history).violations}


@pytest.mark.parametrize(("drops", "code"), [(False, "HF101"), (True, "HF102")])
def test_a_member_that_stays_is_owed_the_message(drops: bool, code: str) -> None:
    assert codes(silence(leaves=False, sender_drops=drops)) == {code}


@pytest.mark.parametrize("drops", [False, True])
def test_a_member_that_begins_to_leave_is_not(drops: bool) -> None:
    assert not codes(silence(leaves=True, sender_drops=drops))
