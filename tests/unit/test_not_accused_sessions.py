"""Correct hubs whose sessions are taken over: what the old end still holds, and what is kept for the new one."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy

ONE = Limit(1, statuses=(429,))


def convicted(written: H) -> list[str]:
    return [finding.code for finding in judge(written.history()).violations]


# HF404: a hub may have a heartbeat of which it promises nothing. It has given the old end up, forgotten its session,
#        and is about to release the slot.
@pytest.mark.parametrize(("seconds", "said"), [(0.3, ["HF404"]), (0.6, []), (3.0, [])])
def test_a_heartbeat_that_nobody_declared_may_have_ended_the_session(seconds: float, said: list[str]) -> None:
    written = H(Policy(sessions="takeover", limit=ONE)).join("a", session="s").drop("a", "vanish").controls(seconds)
    assert convicted(written.open("b", session="s").refused("b")) == said
