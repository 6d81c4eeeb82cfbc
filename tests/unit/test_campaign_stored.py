"""Failures of earlier runs come first: found again, gone, or undecided; none is shrunk twice, none is forgotten."""

from __future__ import annotations

from pathlib import Path

import msgspec
from campaign_fakes import CROWD, QUIET, RACE, TWO_TABS, Bug, FakeHub, Ran, campaign, doubled, of, two_opens_at_once

from fuzzer.campaign import FailureFound, FailureShrunk, FailureStore, Options, PlanExecuted, ShrinkStep
from fuzzer.campaign.events import StoredLeft, StoredReplayed
from fuzzer.campaign.failure import Rate
from fuzzer.campaign.ledger import AGAIN
from fuzzer.campaign.store import Stored
from fuzzer.campaign.stored import clean_runs

FINGERPRINT = of(doubled)


def earlier(folder: Path, shrunk: bool = True) -> Stored:
    """What a run of yesterday left."""
    options = Options(seconds=None, shrink_seconds=30.0 if shrunk else 0.0)
    failure = campaign(FakeHub((RACE,)), [CROWD], options).result.failures[0]
    if not shrunk:
        failure = msgspec.structs.replace(failure, shrunk=False, plan=CROWD, rate=None)
    path = FailureStore(folder).write(failure)
    return Stored(path, failure)


def tonight(stored: Stored, *bugs: Bug, options: Options | None = None, folder: Path | None = None) -> Ran:
    store = None if folder is None else FailureStore(folder)
    return campaign(FakeHub(bugs), [QUIET], options, stored=[stored], store=store)


def test_what_still_fails_is_found_again_at_once_and_not_shrunk_again(tmp_path: Path) -> None:
    stored = earlier(tmp_path)
    before = stored.path.read_bytes()
    ran = tonight(stored, RACE, folder=tmp_path)
    (replayed,) = ran.told(StoredReplayed)
    assert (replayed.fingerprint, replayed.rate, replayed.known) == (FINGERPRINT, Rate(1, 1), False)
    assert ran.events.index(replayed) < ran.events.index(ran.told(PlanExecuted)[0])
    assert ran.told(ShrinkStep) == ran.told(FailureFound) == []
    assert [event.path for event in ran.told(FailureShrunk)] == [str(stored.path)]
    (failure,) = ran.result.failures
    assert failure.plan == stored.failure.plan
    assert AGAIN in failure.notes
    assert stored.path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [stored.path]


def test_what_was_never_shrunk_is_shrunk_now(tmp_path: Path) -> None:
    stored = earlier(tmp_path, shrunk=False)
    ran = tonight(stored, RACE, folder=tmp_path)
    (failure,) = ran.result.failures
    assert failure.shrunk
    assert failure.plan == TWO_TABS
    assert [item.failure.plan for item in FailureStore(tmp_path).all()] == [TWO_TABS]


def test_what_no_longer_fails_is_said_and_kept(tmp_path: Path) -> None:
    stored = earlier(tmp_path)
    ran = tonight(stored, folder=tmp_path)
    (replayed,) = ran.told(StoredReplayed)
    assert replayed.rate == Rate(0, clean_runs(stored.failure))
    assert replayed.sure
    assert ran.result.failures == ()
    assert stored.path.exists()


def test_a_rare_one_gets_as_many_runs_as_its_rate_asks_for(tmp_path: Path) -> None:
    stored = earlier(tmp_path)
    rare = msgspec.structs.replace(stored, failure=msgspec.structs.replace(stored.failure, rate=Rate(4, 20)))
    ran = tonight(rare)
    assert ran.told(StoredReplayed)[0].rate.runs > clean_runs(stored.failure)


def test_too_little_time_decides_nothing(tmp_path: Path) -> None:
    stored = earlier(tmp_path)
    rare = msgspec.structs.replace(stored, failure=msgspec.structs.replace(stored.failure, rate=Rate(4, 20)))
    ran = campaign(FakeHub(seconds=15.0), [QUIET], stored=[rare])
    (replayed,) = ran.told(StoredReplayed)
    assert (replayed.rate, replayed.sure) == (Rate(0, 2), False)


def several(stored: Stored, number: int) -> list[Stored]:
    """With one plan, as if they were different, each to be run ten times."""
    failure = msgspec.structs.replace(stored.failure, rate=None)
    named = [msgspec.structs.replace(failure, fingerprint=f"HF103-00000{digit}") for digit in range(number)]
    return [msgspec.structs.replace(stored, failure=one) for one in named]


def test_half_of_the_time_is_for_what_is_new(tmp_path: Path) -> None:
    stored = several(earlier(tmp_path), 8)
    ran = campaign(FakeHub(seconds=1.0), [QUIET] * 99, Options(seconds=50.0), stored=stored)
    replayed, (left,) = ran.told(StoredReplayed), ran.told(StoredLeft)
    assert [item.failure.fingerprint for item in stored] == [*(e.fingerprint for e in replayed), *left.fingerprints]
    assert sum(event.rate.runs for event in replayed) == len(ran.told(PlanExecuted)) == 25
    assert [event.sure for event in replayed] == [True, True, False], "ten runs decide, and five do not"


def test_what_a_worker_is_given_for_stored_ones_is_no_part_of_its_own_time(tmp_path: Path) -> None:
    stored = several(earlier(tmp_path), 2)
    ran = campaign(FakeHub(seconds=1.0), [QUIET], Options(seconds=None, stored_seconds=3.0), stored=stored)
    assert [event.rate.runs for event in ran.told(StoredReplayed)] == [3]
    assert ran.told(StoredLeft) == [StoredLeft((stored[1].failure.fingerprint,))]


def test_what_was_not_reached_and_is_met_is_found_again(tmp_path: Path) -> None:
    stored = earlier(tmp_path)
    options = Options(seconds=None, stored_seconds=0.0)
    ran = campaign(FakeHub((RACE,)), [TWO_TABS], options, stored=[stored], store=FailureStore(tmp_path))
    assert ran.told(StoredReplayed) == []
    (failure,) = ran.result.failures
    assert AGAIN in failure.notes
    assert list(tmp_path.iterdir()) == [stored.path]


def test_a_known_one_is_met_and_does_not_count(tmp_path: Path) -> None:
    stored = earlier(tmp_path)
    ran = tonight(stored, RACE, options=Options(seconds=None, known=(FINGERPRINT,)))
    (replayed,) = ran.told(StoredReplayed)
    assert (replayed.rate.failed, replayed.known) == (1, True)
    assert ran.result.failures == ()
    assert ran.result.totals.met == {FINGERPRINT: 1}


def test_what_is_gone_and_comes_back_later_is_a_new_failure(tmp_path: Path) -> None:
    stored = earlier(tmp_path)
    hub = FakeHub(meanwhile=lambda hub, plan: setattr(hub, "bugs", (RACE,) if plan == CROWD else hub.bugs))
    ran = campaign(hub, [CROWD], stored=[stored])
    assert ran.told(StoredReplayed)[0].rate.failed == 0
    assert len(ran.told(FailureFound)) == 1
    assert AGAIN not in ran.result.failures[0].notes


def test_another_bug_that_its_plan_meets_is_a_new_failure(tmp_path: Path) -> None:
    stored = earlier(tmp_path)
    other = Bug(two_opens_at_once, lambda history: history.log("Traceback (most recent call last)"))
    ran = tonight(stored, RACE, other)
    assert {failure.code for failure in ran.result.failures} == {"HF103", "HF502"}
    (found,) = ran.told(FailureFound)
    assert found.failure.origin == f"stored {FINGERPRINT}"


def test_what_the_replay_of_another_shows_is_found_again_and_not_anew(tmp_path: Path) -> None:
    logged = Bug(two_opens_at_once, lambda history: history.log("Traceback (most recent call last)"))
    store = FailureStore(tmp_path)
    yesterday = campaign(FakeHub((RACE, logged)), [CROWD], store=store)
    assert len(yesterday.result.failures) == 2
    files = sorted(tmp_path.iterdir())
    ran = campaign(FakeHub((RACE, logged)), [QUIET], stored=store.all(), store=FailureStore(tmp_path))
    assert [event.rate for event in ran.told(StoredReplayed)] == [Rate(1, 1)] * 2
    assert ran.told(FailureFound) == ran.told(ShrinkStep) == []
    assert all(AGAIN in failure.notes for failure in ran.result.failures)
    assert sorted(tmp_path.iterdir()) == files


def test_only_who_is_granted_it_shrinks() -> None:
    asked: list[str] = []

    async def refuse(fingerprint: str) -> bool:
        asked.append(fingerprint)
        return False

    ran = campaign(FakeHub((RACE,)), [CROWD, TWO_TABS], claim=refuse)
    assert asked == [FINGERPRINT]
    assert ran.told(ShrinkStep) == ran.told(FailureShrunk) == []
    assert [failure.shrunk for failure in ran.result.failures] == [False]
