"""``fuzz``, ``run_plan`` and ``execute`` as an ordinary test calls them."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import trio

import fuzzer
from fuzzer import HubFailure, ServerError, Target, TargetError, Vacuous, api, execute, fuzz, judge, run_plan
from fuzzer.campaign.options import Options
from fuzzer.campaign.runner import ServerUnavailable
from fuzzer.campaign.store import read_failure
from fuzzer.hub.target import embedded_target
from fuzzer.hub_failure import failure_class
from fuzzer.plan import Batch, Drop, Open, Plan, Send, Subscribe
from fuzzer.session_thread import SessionThread
from fuzzer.target.config import JwtAuth

GOOD = embedded_target()
RACE = Plan((Batch((Open("a", "u0"), Open("b", "u0"))),))
TALK = Plan((Batch((Open("a", "u0"),)), Batch((Open("b", "u0"),)), Batch((Send("a", "m0"),))))


@pytest.fixture(autouse=True)
def short_shrinking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "SHRINK_SECONDS", 1.0)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No thread outlives a call; their servers end with them."""
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("hubfuzz")] == []


def test_a_correct_hub_passes_and_the_result_says_what_was_done() -> None:
    result = fuzz(GOOD, seconds=None, plans=8, seed=1, failures=None)
    assert result.exercised
    assert result.seed == 1
    assert (result.totals.plans, result.totals.scenarios) == (8, 6)


@pytest.mark.parametrize(("bug", "code"), [("S15", "HF201"), ("S04", "HF301")])
def test_a_broken_hub_raises_the_exception_of_the_invariant(bug: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(HubFailure) as caught:
        fuzz(embedded_target(bug), seconds=20, seed=1, failures=tmp_path)
    error = caught.value
    assert type(error) is failure_class(code)
    assert type(error).__name__ == f"{code}Failure"
    assert error.failures[0].code == code
    assert error.headline.startswith(code)
    for word in (" When ", " Then ", " But ", "Reproduce  hubfuzz replay"):
        assert word in str(error)
    (path,) = tmp_path.glob(f"{code}-*.json")
    assert read_failure(path).failure.plan == error.failures[0].plan


def test_a_bug_with_several_fingerprints_is_told_once(tmp_path: Path) -> None:
    """A reset aborts the rest of a broadcast, to a user as well as to a room."""
    tabs = (Batch((Open("a", "u0"),)), Batch((Open("b", "u0"),)))
    rooms = Batch((Subscribe("a", "r0"), Subscribe("b", "r0")))
    reset = Batch((Drop("a", how="reset"),))
    plans = [Plan((*tabs, reset)), Plan((*tabs, rooms, reset))] * 5
    target = embedded_target("S03")
    with SessionThread(target) as thread, pytest.raises(HubFailure) as caught:
        api.campaign(thread, target, Options(seconds=None, shrink_seconds=10), plans, (), tmp_path)
    (told,) = caught.value.failures
    others = [read_failure(path).failure for path in tmp_path.glob("*.json") if told.fingerprint not in path.name]
    assert others, "a loss in a room has a fingerprint of its own"
    for other in others:
        assert other.same_as == told.fingerprint
        assert f"also seen as {other.fingerprint}" in " ".join(str(caught.value).split())


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HubFailure) as caught:
        fuzz(embedded_target("S15"), plans=4, seconds=None, seed=1, failures=None)
    assert "Reproduce" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_skipped_is_not_judged() -> None:
    result = fuzz(embedded_target("S15"), seconds=None, plans=3, seed=1, only=["fifo"], scenarios=False, failures=None)
    assert set(result.totals.exercise.obligations) == {"HF111"}


def test_an_unknown_invariant_is_named() -> None:
    with pytest.raises(ValueError, match="no invariant 'HF999'"):
        fuzz(GOOD, skip=["HF999"])


def test_one_plan_that_holds_and_one_that_does_not() -> None:
    assert not run_plan(TALK, GOOD).violations
    with pytest.raises(failure_class("HF201"), match="limit-exceeded"):
        run_plan(RACE, embedded_target("S15"))


def test_a_run_that_exercised_nothing_is_no_pass() -> None:
    nobody = Plan(())
    with pytest.raises(Vacuous, match="had anything to check"):
        run_plan(nobody, GOOD, only=["HF111"])
    with pytest.raises(Vacuous, match="no invariant had anything to check, so this proves nothing"):
        fuzz(GOOD, seconds=None, plans=1, scenarios=False, seed=1, only=["HF601"], failures=None)


def test_nor_is_one_plan_whose_openings_are_all_refused() -> None:
    """What is asked of a hub whatever became of the plan (a canary, no crash) shows nothing of the plan."""
    other = JwtAuth(secret="not the secret of this hub, but as long as it is")
    with pytest.raises(Vacuous, match="no connection was ever opened, so this proves nothing"):
        run_plan(TALK, msgspec.structs.replace(GOOD, auth=other), skip=["HF501"])
    bad = Plan((Batch((Open("a", "u0", token="expired"),)),))
    assert not run_plan(bad, GOOD, only=["HF601", "HF502"]).violations, "to be refused is what this plan is for"


def test_a_server_that_refuses_everybody_is_no_pass_either() -> None:
    stranger = msgspec.structs.replace(GOOD, auth=JwtAuth(secret="not the secret of this hub, but as long as it is"))
    with pytest.raises(ServerUnavailable, match=r"embedded hub: .*HTTP 401.*are auth.secret, auth.claims"):
        fuzz(stranger, seconds=1, failures=None)


def test_a_server_that_cannot_be_started_or_reached() -> None:
    with pytest.raises(ServerError, match="command not found: 'nonsense'"):
        fuzz(msgspec.structs.replace(GOOD, start=("nonsense",)), failures=None)
    with pytest.raises(ServerError, match=r"nothing answers at 127\.0\.0\.1:1"):
        execute(TALK, GOOD.at("ws://127.0.0.1:1"))


def test_in_any_event_loop() -> None:
    async def in_a_loop() -> bool:
        return bool(judge(execute(TALK, GOOD)).violations)

    assert not asyncio.run(in_a_loop())
    assert not trio.run(in_a_loop)


def test_an_interruption_ends_everything_that_was_started() -> None:
    class Interrupted(BaseException):
        """As pytest-timeout raises it: from a signal handler."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(Interrupted):
            fuzz(GOOD, seconds=60, failures=None)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_a_target_is_moved_to_a_server_that_runs() -> None:
    moved = GOOD.at("ws://127.0.0.1:8123")
    assert moved.url == "ws://127.0.0.1:8123/ws?session={session}"
    assert moved.start is None
    assert moved.probe.counts["connections"].url == "http://127.0.0.1:8123/stats"
    with pytest.raises(TargetError, match=r"example\.com is not this machine"):
        GOOD.at("ws://example.com/ws")
    with pytest.raises(TargetError, match="expected for example"):
        GOOD.at("http://127.0.0.1:8123")


def test_every_public_name_is_there_and_an_unknown_one_is_not() -> None:
    assert all(getattr(fuzzer, name) is not None for name in fuzzer.__all__)
    assert fuzzer.Target is Target
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        fuzzer.nothing  # noqa: B018
