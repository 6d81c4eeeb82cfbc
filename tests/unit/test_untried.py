"""A promise whose time is longer than any drawn plan waits is told, with the invariant that it starves."""

from __future__ import annotations

import pytest

from fuzzer.policy import MOST_PATIENCE, Limit, Policy
from strategies.shape import shape_of
from strategies.untried import untried


class Declared:
    """A target of which nothing but the policy matters here."""

    has_rooms = has_sessions = has_tokens = True

    def __init__(self, policy: Policy) -> None:
        self.policy = policy


EVICT = Limit(2, "evict-oldest")


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Policy(), []),
        (Policy(t_heartbeat=1.5, t_expiry=1.5, t_evict=1.5, limit=EVICT), []),
        (Policy(t_heartbeat=30.0), [("t_heartbeat = 30", "HF403")]),
        (Policy(t_expiry=2.0), [("t_expiry = 2", "HF106")]),
        (Policy(t_evict=2.0, limit=EVICT), [("t_evict = 2", "HF201")]),
        (Policy(t_presence=9.0), [("t_presence = 9", "HF405")]),
        (Policy(t_presence=0.5), [("t_release = 2", "HF405"), ("t_detect = 5", "HF405")]),
        (Policy(t_presence=0.5, t_release=1.0, t_detect=1.0), []),
    ],
    ids=repr,
)
def test_what_takes_too_long_is_told(policy: Policy, said: list[tuple[str, str]]) -> None:
    lines = list(untried(Declared(policy)))
    assert [all(part in line for part in parts) for line, parts in zip(lines, said, strict=True)] == [True] * len(said)


@pytest.mark.parametrize("bound", [MOST_PATIENCE, MOST_PATIENCE + 0.1])
def test_it_is_told_exactly_when_no_plan_waits_so_long(bound: float) -> None:
    policy = Policy(t_heartbeat=bound, t_expiry=bound)
    shape = shape_of(policy, rooms=False, sessions=False, tokens=True)
    assert len(list(untried(Declared(policy)))) == [shape.given_up, shape.expiry].count(None)
