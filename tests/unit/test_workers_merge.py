"""Many campaigns told as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from campaign_fakes import CROWD, QUIET, RACE, TWO_TABS, FakeClock, FakeHub, Ran, campaign
from msgspec.structs import replace

from fuzzer.campaign import (
    CampaignEvent,
    Control,
    FailureFound,
    FailureShrunk,
    FailureStore,
    Finished,
    Options,
    PlanExecuted,
    Rate,
    Stored,
    Warned,
    read_failure,
)
from fuzzer.campaign.events import StoredReplayed
from fuzzer.campaign.ledger import AGAIN
from fuzzer.plan import Plan
from fuzzer.workers.merge import Merged


class Two:
    """Two workers' campaigns, and what is said of them together."""

    def __init__(
        self, folder: Path | None = None, stored: Sequence[Stored] = (), max_failures: int | None = None
    ) -> None:
        self.said: list[CampaignEvent] = []
        self.clock = FakeClock()
        self.options = Options(seconds=None, seed=5, max_failures=max_failures)
        self.control = Control(self.options, self.clock)
        store = FailureStore(folder) if folder else None
        self.merged = Merged(self.options, self.control, store, self.said.append, stored)

    def hear(self, ran: Ran, *kinds: type[CampaignEvent]) -> None:
        """The events of these kinds, or all up to the end."""
        for event in ran.events:
            if not kinds or isinstance(event, kinds):
                self.merged.hear(event)

    def told(self, kind: type[CampaignEvent]) -> list[CampaignEvent]:
        return [event for event in self.said if isinstance(event, kind)]


def one(*plans: Plan) -> Ran:
    return campaign(FakeHub((RACE,)), plans, Options(seconds=None, seed=5))


def test_plans_are_numbered_anew_and_counted_together() -> None:
    two = Two()
    for ran in (one(QUIET, QUIET), one(QUIET)):
        two.hear(ran, PlanExecuted)
        two.merged.finished(ran.result, ran.result.totals.plans)
    two.control.plans_exhausted()
    result = two.merged.result(2.0)
    assert [event.number for event in two.told(PlanExecuted)] == [1, 2, 3]
    assert (result.totals.plans, result.totals.executions) == (3, 3)
    assert result.totals.exercise.ops == {"open": 3, "send": 3}
    assert (result.exercised, result.seed, result.stop_reason) == (True, 5, "done")


def test_a_fingerprint_is_told_and_written_once(tmp_path: Path) -> None:
    two = Two(tmp_path)
    for ran in (one(CROWD), one(TWO_TABS)):
        two.hear(ran, FailureFound)
    assert len(two.told(FailureFound)) == 1
    (path,) = tmp_path.glob("*.json")
    assert read_failure(path).failure.plan == TWO_TABS, "the smaller plan wins"
    assert two.merged.failures[path.stem].plan == TWO_TABS


def test_a_larger_plan_changes_nothing(tmp_path: Path) -> None:
    two = Two(tmp_path)
    for ran in (one(TWO_TABS), one(CROWD)):
        two.hear(ran, FailureFound)
    (path,) = tmp_path.glob("*.json")
    assert read_failure(path).failure.plan == TWO_TABS


def test_a_further_hunt_counts_and_replaces_only_what_is_less_sure() -> None:
    two = Two()
    (shrunk,) = one(CROWD).result.failures
    sure, rare = (msgspec.structs.replace(shrunk, rate=Rate(failed, 20)) for failed in (20, 1))
    again = msgspec.structs.replace(rare, hunts=2)
    elsewhere = msgspec.structs.replace(again, plan=CROWD, hunts=3)
    for told, kept in ((rare, rare), (again, again), (elsewhere, again), (sure, sure), (elsewhere, sure)):
        two.merged.hear(FailureShrunk(told))
        assert two.merged.failures[shrunk.fingerprint] == kept


def test_what_was_shrunk_is_not_replaced_by_what_was_only_found(tmp_path: Path) -> None:
    two = Two(tmp_path)
    two.hear(one(CROWD), FailureFound, FailureShrunk)
    shrunk = next(iter(two.merged.failures.values()))
    assert shrunk.shrunk
    two.hear(one(TWO_TABS), FailureFound)
    assert two.merged.failures[shrunk.fingerprint] == shrunk
    assert [read_failure(path).failure for path in tmp_path.glob("*.json")] == [shrunk]


def test_a_failure_that_only_the_end_tells_is_kept(tmp_path: Path) -> None:
    """As when a worker is stopped in the middle of shrinking: its result holds the smallest plan so far."""
    two = Two(tmp_path)
    ran = one(CROWD)
    two.hear(ran, FailureFound)
    unshrunk = msgspec.structs.replace(ran.result.failures[0], shrunk=False)
    two.merged.finished(msgspec.structs.replace(ran.result, failures=(unshrunk,)), 1)
    (path,) = tmp_path.glob("*.json")
    assert read_failure(path).failure.plan == unshrunk.plan
    assert unshrunk.plan.size() < CROWD.size()


def test_what_was_noted_after_shrinking_is_in_the_file(tmp_path: Path) -> None:
    two, ran = Two(tmp_path), one(TWO_TABS)
    two.hear(ran, FailureFound, FailureShrunk)
    (shrunk,) = ran.result.failures
    noted = msgspec.structs.replace(shrunk, notes=(*shrunk.notes, "also met elsewhere"))
    two.merged.finished(msgspec.structs.replace(ran.result, failures=(noted,)), 0)
    assert list(two.merged.failures.values()) == [noted]
    assert read_failure(Path(two.merged.paths[noted.fingerprint])).failure == noted
    two.merged.finished(ran.result, 0)
    assert list(two.merged.failures.values()) == [noted], "who noted nothing takes nothing away"


def test_what_a_dead_worker_met_is_counted() -> None:
    two = Two()
    ran = one(CROWD)
    two.merged.finished(ran.result, 1)
    two.merged.broken_off(Counter({ran.result.failures[0].fingerprint: 2}))
    two.control.plans_exhausted()
    (met,) = two.merged.result(1.0).totals.met.items()
    assert met == (ran.result.failures[0].fingerprint, ran.result.totals.met[met[0]] + 2)


def test_plans_of_which_nothing_was_asked_exercised_nothing_whoever_ran_them() -> None:
    ran, two = one(CROWD), Two()
    silent = replace(ran.result.totals.exercise, obligations={"HF101": 0, "HF502": 3})
    two.merged.finished(replace(ran.result, totals=replace(ran.result.totals, exercise=silent)), 1)
    two.control.plans_exhausted()
    assert not two.merged.result(1.0).exercised


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    two = Two(tmp_path / "file")
    two.hear(one(TWO_TABS), FailureFound)
    assert [event.path for event in two.told(FailureFound)] == [""]
    assert len(two.told(Warned)) == 1


def test_the_number_of_failures_reaches_the_control() -> None:
    two = Two()
    two.control = Control(Options(max_failures=1), two.clock)
    two.merged = Merged(two.options, two.control, None, two.said.append)
    two.hear(one(TWO_TABS), FailureFound)
    stopped = two.control.stopped()
    assert stopped is not None
    assert stopped[0] == "failure-limit"


@pytest.mark.parametrize("kind", [Finished])
def test_the_end_of_one_worker_is_not_the_end_of_all(kind: type[CampaignEvent]) -> None:
    two = Two()
    two.hear(one(QUIET))
    assert two.told(kind) == []


def of_yesterday(folder: Path) -> Stored:
    failure = one(CROWD).result.failures[0]
    return Stored(FailureStore(folder).write(failure), failure)


def replayed(stored: Stored, rate: Rate) -> StoredReplayed:
    return StoredReplayed(stored.failure.fingerprint, "", str(stored.path), rate, True, False)


def test_what_is_new_to_a_worker_may_be_stored(tmp_path: Path) -> None:
    stored = of_yesterday(tmp_path)
    before = stored.path.read_bytes()
    two = Two(tmp_path, [stored])
    two.hear(one(CROWD), FailureFound)
    (event,) = two.told(FailureShrunk)
    assert isinstance(event, FailureShrunk)
    assert event.path == str(stored.path)
    assert AGAIN in event.failure.notes
    two.merged.hear(replayed(stored, Rate(0, 9)))
    (end,) = two.told(StoredReplayed)
    assert isinstance(end, StoredReplayed)
    assert end.rate == Rate(1, 10), "somebody has met it"
    assert two.told(FailureFound) == []
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def test_what_no_longer_failed_and_is_met_later_is_new(tmp_path: Path) -> None:
    stored = of_yesterday(tmp_path)
    two = Two(None, [stored])
    two.merged.hear(replayed(stored, Rate(0, 9)))
    two.hear(one(CROWD), FailureFound)
    assert len(two.told(FailureFound)) == 1


@pytest.mark.parametrize(("most", "enough"), [(1, True), (2, False), (None, False)])
def test_who_asked_for_one_failure_waits_for_no_other(most: int | None, enough: bool) -> None:
    two = Two(max_failures=most)
    two.hear(one(CROWD), FailureFound)
    assert not two.merged.enough_shrunk
    two.hear(one(CROWD), FailureShrunk)
    assert two.merged.enough_shrunk is enough
