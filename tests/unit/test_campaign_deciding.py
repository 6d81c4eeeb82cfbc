"""Whether one run says that a failure is there or gone: not if it broke otherwise, nor if it never got as far."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from campaign_fakes import QUIET, RACE, TWO_TABS, Bug, FakeHub, always, campaign, doubled, logged, of, strayed
from histories import H
from test_campaign_stored import earlier, tonight

from fuzzer.campaign.deciding import decides
from fuzzer.campaign.events import StoredReplayed
from fuzzer.campaign.failure import Rate
from fuzzer.campaign.reproduce import Replayed
from fuzzer.campaign.sync import replay_failure
from fuzzer.campaign.trials import Attempt
from fuzzer.history import History, Skip, SrvRst
from fuzzer.hub_failure import HubFailure
from fuzzer.invariants import judge
from fuzzer.known import KnownFailure
from fuzzer.plan import Batch, Open, Plan, Send
from fuzzer.policy import Limit, Policy
from fuzzer.pytest_checks import Replay
from fuzzer.pytest_items import FailureItem
from fuzzer.report.outcome import failures_instead, now_fails_as

TALK = Plan((Batch((Open("a", "u0"), Open("b", "u0"))), Batch((Send("b", "m0"),))))
LIMITED = Policy(limit=Limit(1, statuses=(429,)))
UNTOLD = Policy(limit=Limit(1))


def both(policy: Policy | None = None) -> H:
    """Both are members, and who came last speaks."""
    return H(policy).phase("batch:0").join("a", "b").phase("batch:1").send("m0", "b").got("m0", "a", "b")


def attempt(written: H, plan: Plan = TALK) -> Attempt:
    seen = written.phase("canary").join("canary", "canary.1", user="canary", role="canary").history()
    history = History(seen.events, seen.policy, plan)
    return Attempt(plan, history, judge(history), 0.1)


FAILED = attempt(both().ended("a", 1011))
ASKED = FAILED.fingerprints[0]


def only_a(policy: Policy | None = None) -> H:
    return H(policy).phase("batch:0").join("a").open("b")


def without_b(written: H) -> H:
    return written.phase("batch:1").add(Skip, conn="b", op="send", why="refused").send("n", "a").got("n", "a")


RUNS: dict[str, tuple[Callable[[], H], bool]] = {
    "fails": (lambda: both().ended("a", 1011), True),
    "is clean": (both, True),
    "closes with another code": (lambda: both().ended("a", 1012), False),
    "resets": (lambda: both().ended("a", SrvRst), False),
    "crashes": (lambda: both().exit(7), False),
    "closes both before they speak": (lambda: H().open("a", "b").ok("a", "b").ended("b", 1011).ended("a", 1011), False),
    "closes one before it is a member": (lambda: only_a().ok("b").ended("b").send("n", "a").got("n", "a"), False),
    "refuses both": (lambda: H().open("a", "b").refused("a", 503).refused("b", 503), False),
    "refuses one": (lambda: without_b(only_a().refused("b", 503)), False),
    "refuses one by its limit": (lambda: without_b(only_a(LIMITED).refused("b", 429)), True),
    "refuses one by its limit, and does not say so": (lambda: without_b(only_a(UNTOLD).refused("b", 503)), True),
    "has a limit, and refuses the first": (
        lambda: without_b(H(UNTOLD).phase("batch:0").open("b").refused("b", 503).join("a")),
        False,
    ),
}


@pytest.mark.parametrize("what", RUNS)
def test_what_a_run_says(what: str) -> None:
    written, sure = RUNS[what]
    assert decides(attempt(written()), ASKED, FAILED.history) is sure


def test_without_the_history_of_the_failure_who_was_let_in_is_not_compared() -> None:
    seen = attempt(without_b(only_a().refused("b", 503)))
    assert decides(seen, ASKED)
    elsewhere = attempt(both().ended("a", 1011), TWO_TABS).history
    assert decides(seen, ASKED, elsewhere), "another plan says nothing of this one"


def test_who_was_turned_away_in_the_failing_run_as_well_may_be_so_again() -> None:
    before = attempt(without_b(only_a().refused("b", 503)).ended("a", 1011))
    assert decides(attempt(without_b(only_a().refused("b", 503))), ASKED, before.history)


def test_what_came_after_the_failing_run_was_broken_off_need_not_be_done() -> None:
    """``b`` was no member there, so that nothing is known of it but whether it spoke."""
    before = attempt(H().phase("batch:0").join("a").open("b").ok("b").ended("a", 1011))
    now = attempt(without_b(only_a().ok("b").ended("b", 1011)))
    assert decides(now, ASKED, before.history)
    spoke = attempt(H().phase("batch:0").join("a").open("b").ok("b").phase("batch:1").ended("a", 1011))
    assert not decides(now, ASKED, spoke.history)


def test_a_bad_token_that_is_refused_at_last_is_a_fix() -> None:
    expired = Plan((Batch((Open("a", "u0", token="expired"),)),))
    before = attempt(H().open("a", token="expired").ok("a").welcome("a"), expired)
    (fingerprint,) = before.fingerprints
    assert fingerprint.startswith("HF601")
    after = attempt(H().open("a", token="expired").refused("a", 401), expired)
    assert decides(after, fingerprint, before.history)


# ---- replays ---------------------------------------------------------------------------------------------------------


class Opened:
    """A runner of its own for a replay."""

    def __init__(self, hub: FakeHub) -> None:
        self._hub = hub

    async def __aenter__(self) -> FakeHub:
        return self._hub

    async def __aexit__(self, *_: object) -> None:
        pass


def test_what_fails_otherwise_is_changed_and_not_fixed(tmp_path: Path) -> None:
    failure = earlier(tmp_path).failure
    hub = FakeHub((Bug(always, strayed, p=0.7),))
    seen = replay_failure(lambda: Opened(hub), failure, 10)  # type: ignore[arg-type,return-value]
    number = seen.instead[of(strayed)].runs
    assert (seen.outcome, seen.rate, seen.undecided) == ("CHANGED", Rate(0, 10), number)
    assert 0 < number < 10
    (instead,) = failures_instead(failure, seen)
    assert (instead.fingerprint, instead.rate) == (of(strayed), Rate(number, 10))
    assert instead.notes == (f"this was a replay of {failure.fingerprint}, which did not fail as it had",)
    assert replay_failure(lambda: Opened(FakeHub()), failure, 10).outcome == "FIXED"  # type: ignore[arg-type,return-value]


def test_what_fails_beside_it_is_nothing_in_its_place(tmp_path: Path) -> None:
    failure = earlier(tmp_path).failure
    hub = FakeHub((RACE, Bug(always, strayed)))
    seen = replay_failure(lambda: Opened(hub), failure, 10)  # type: ignore[arg-type,return-value]
    assert (seen.outcome, seen.rate, seen.instead) == ("FAILED", Rate(10, 10), {})


def replay_item(folder: Path, seen: Replayed, *known: str) -> object:
    """An item that replays a stored failure and comes to this; what it needs of pytest is not there."""
    item: Replay = object.__new__(Replay)
    item._failure, item._path = earlier(folder).failure, folder / "x.json"
    item._thread = SimpleNamespace(call=lambda work: seen)  # type: ignore[assignment]
    entries = {fingerprint: KnownFailure(fingerprint, fingerprint[:5], "issue 7") for fingerprint in known}
    return SimpleNamespace(_replay=item, _known=entries)


def test_a_pytest_item_tells_what_came_in_place_of_its_failure(tmp_path: Path) -> None:
    seen = replay_failure(lambda: Opened(FakeHub((Bug(always, strayed),))), earlier(tmp_path).failure, 4)  # type: ignore[arg-type,return-value]
    with pytest.raises(HubFailure) as caught:
        FailureItem.runtest(replay_item(tmp_path, seen, of(doubled)))  # type: ignore[arg-type]
    assert type(caught.value).__name__ == "HF104Failure"
    assert f"this was a replay of {of(doubled)}, which did not fail as it had" in " ".join(str(caught.value).split())
    with pytest.raises(pytest.xfail.Exception, match=f"{of(strayed)} is known: issue 7"):
        FailureItem.runtest(replay_item(tmp_path, seen, of(strayed)))  # type: ignore[arg-type]


def test_it_is_said_most_frequent_first() -> None:
    assert now_fails_as({"HF502-b": 1}, 1) == "it now fails as HF502-b in 1 of 1 run"
    said = "it now fails as HF301-a in 8 of 10 runs, HF502-b in 2 of 10"
    assert now_fails_as({"HF502-b": 2, "HF301-a": 8}, 10) == said


def test_a_stored_failure_that_comes_otherwise_is_not_gone(tmp_path: Path) -> None:
    stored = earlier(tmp_path)
    ran = tonight(stored, Bug(always, logged))
    (event,) = ran.told(StoredReplayed)
    assert isinstance(event, StoredReplayed)
    assert (event.rate.failed, event.sure, event.instead) == (0, False, {of(logged): event.rate.runs})
    assert [failure.fingerprint for failure in ran.result.failures] == [of(logged)]


def test_a_stored_failure_whose_plan_is_refused_is_not_gone(tmp_path: Path) -> None:
    class Refusing(FakeHub):
        def _history(self, plan: Plan, hurry: float) -> History:
            written = H().join("z", "y", user="z", role="canary").send("m", "z").got("m", "y")
            written.open("a").refused("a", 503).open("b").refused("b", 503)
            return History(written.history().events, written.policy, plan)

    ran = campaign(Refusing(), [QUIET], stored=[earlier(tmp_path)])
    (event,) = ran.told(StoredReplayed)
    assert isinstance(event, StoredReplayed)
    assert not event.sure
