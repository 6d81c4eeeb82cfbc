"""Which time bounds a hunt begins with."""

from __future__ import annotations

import pytest
from campaign_fakes import by_the_book, doubled, steps

from fuzzer.campaign import Failure, Options
from fuzzer.campaign.haste import SLOW, VERY_SLOW, hurries, patience
from fuzzer.history import History
from fuzzer.invariants import judge
from fuzzer.plan import Drop, DropKind, Open


def failure(code: str, how: DropKind) -> Failure:
    plan = steps(Open("a", "u0"), Drop("a", how))
    written = doubled(by_the_book(plan))
    history = History(tuple(written.events), written.policy, plan)
    (finding,) = judge(history).violations
    return Failure(finding.fingerprint, code, plan, plan, history, finding)


@pytest.mark.parametrize(
    ("code", "how", "seconds", "scales"),
    [
        ("HF203", "reset", 2.0, [0.1, 0.5, 1.0]),
        ("HF203", "vanish", 2.0, [0.5, 1.0]),
        ("HF101", "vanish", 2.0, [0.1, 0.5, 1.0]),
        ("HF203", "vanish", SLOW / 2, [1.0]),
        ("HF101", "reset", SLOW / 2, [1.0]),
    ],
)
def test_the_shortest_bounds_first_unless_a_correct_hub_needs_its_heartbeat(
    code: str, how: DropKind, seconds: float, scales: list[float]
) -> None:
    assert list(hurries(failure(code, how), seconds, Options(hurry=0.1))) == scales


def test_who_wants_no_hurry_gets_none() -> None:
    assert list(hurries(failure("HF101", "reset"), 5.0, Options(hurry=1.0))) == [1.0]
    assert list(hurries(failure("HF101", "reset"), 5.0, Options(hurry=0.7))) == [0.7, 1.0]


def test_what_takes_long_gets_twice_the_time() -> None:
    assert (patience(VERY_SLOW), patience(VERY_SLOW + 0.1)) == (1, 2)
