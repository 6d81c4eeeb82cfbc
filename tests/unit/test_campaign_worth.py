"""What a campaign is worth: what it checked, what it could not, and what could not be written."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign_fakes import (
    QUIET,
    RACE,
    TWO_TABS,
    Bug,
    FakeHub,
    always,
    campaign,
    logged,
)

from fuzzer.campaign import (
    FailureFound,
    FailureStore,
    StoreError,
    Warned,
)
from fuzzer.plan import Plan


def test_a_campaign_that_checked_nothing_says_so() -> None:
    ran = campaign(FakeHub(own=False, down=True), [QUIET, QUIET])
    assert not ran.result.exercised
    assert any("nothing was exercised" in event.text for event in ran.told(Warned))
    assert any("no connection was ever accepted" in event.text for event in ran.told(Warned))


def test_invariants_without_anything_to_check_are_named() -> None:
    ran = campaign(FakeHub(), [QUIET])
    assert ran.result.exercised
    assert "HF111" in ran.result.vacuous  # of each sender nobody got two messages
    assert any("HF111" in event.text for event in ran.told(Warned))


def test_the_exercise_is_that_of_the_exploration_alone() -> None:
    ran = campaign(FakeHub((RACE,)), [TWO_TABS])
    assert ran.result.totals.exercise.ops == {"open": 2}
    assert ran.result.totals.executions == len(ran.hub.executed) > 20


def test_a_store_that_cannot_be_written_is_told_before_the_first_plan(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    hub = FakeHub()
    with pytest.raises(StoreError, match="failures cannot be written there"):
        campaign(hub, [QUIET], store=FailureStore(tmp_path / "file"))
    assert hub.executed == []


def test_a_disk_that_fills_up_ends_nothing(tmp_path: Path) -> None:
    store = FailureStore(tmp_path / "failures")

    def in_the_way(hub: FakeHub, plan: Plan) -> None:
        if not hub.executed[1:]:
            store.folder.rmdir()
            store.folder.write_text("no folder any more")

    ran = campaign(FakeHub((Bug(always, logged),), meanwhile=in_the_way), [QUIET], store=store)
    assert ran.result.failures[0].shrunk
    assert [event.path for event in ran.told(FailureFound)] == [""]
    assert any("cannot be written" in event.text for event in ran.told(Warned))
