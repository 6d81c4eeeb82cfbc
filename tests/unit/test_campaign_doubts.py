"""Warnings: one line for each thing that makes a result weaker than it looks, none for a sound one."""

from __future__ import annotations

from fuzzer.campaign import Result, Tally, Totals
from fuzzer.campaign.doubts import warnings_about


def said(tally: Tally, plans: int = 10, exercised: bool = True, vacuous: tuple[str, ...] = ()) -> list[str]:
    totals = Totals(plans=plans, exercise=tally)
    return list(warnings_about(Result("time", "", totals, vacuous=vacuous, exercised=exercised)))


def test_a_sound_result_is_left_alone() -> None:
    tally = Tally(ops={"open": 10, "send": 5}, opens={"ok": 9, "status 429": 1}, skips={"refused": 1}, deliveries=5)
    assert said(tally) == []


def test_nothing_exercised_and_vacuous_invariants() -> None:
    assert "nothing was exercised" in said(Tally(), exercised=False, vacuous=("HF101",))[0]
    assert said(Tally(), vacuous=("HF101", "HF203")) == ["HF101, HF203: had nothing to check in any plan"]


def test_too_many_skips_name_the_commonest_cause() -> None:
    tally = Tally(ops={"send": 10}, skips={"refused": 1, "ended": 3}, deliveries=1)
    assert said(tally) == ["4 of 10 ops were skipped, most often because of: ended"]
    assert said(Tally(ops={"send": 10}, skips={"ended": 3}, deliveries=1)) == []


def test_a_hub_that_accepts_nobody() -> None:
    tally = Tally(ops={"open": 9}, opens={"status 401": 7, "eof": 2})
    assert said(tally) == ["no connection was ever accepted; most were refused with: status 401"]


def test_a_hub_that_delivers_nothing() -> None:
    tally = Tally(ops={"open": 1, "send": 3}, opens={"ok": 1})
    assert said(tally) == ["messages were sent and none was ever delivered: is [protocol] right?"]


def test_plans_broken_off_name_the_commonest_cause() -> None:
    tally = Tally(aborts={"it was late": 1, "a fence was lost": 2}, broken_off=2)
    assert said(tally) == ["2 of 10 plans were broken off, most often because a fence was lost"]
    assert said(Tally(aborts={"a fence was lost": 5}, broken_off=1)) == []


def test_too_many_inconclusive_plans() -> None:
    tally = Tally(inconclusive={"HF101 lag": 1, "HF302 late": 4}, doubtful=2)
    assert said(tally) == ["2 of 10 plans were inconclusive, most often HF302 late"]
    assert said(Tally(inconclusive={"HF101 lag": 1}, doubtful=1)) == []
