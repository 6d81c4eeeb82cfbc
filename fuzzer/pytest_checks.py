"""What the items of the pytest plugin do: a scenario, bad tokens, a short campaign, or the replay of a failure file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from fuzzer import authentication
from fuzzer.api import campaign, drawn_plans, scenario_plan
from fuzzer.campaign.failure import Failure
from fuzzer.campaign.options import Options
from fuzzer.campaign.reproduce import Replayed, replay
from fuzzer.campaign.runner import ServerUnavailable
from fuzzer.campaign.store import read_failure
from fuzzer.driver.session import Session
from fuzzer.hub_failure import hub_failure
from fuzzer.scenarios import SCENARIOS
from fuzzer.session_thread import SessionThread
from fuzzer.target.model import Target

FUZZ_SECONDS = 3.0
SHRINK_SECONDS = 10.0
TOKEN_PLANS = 5
REPLAY_TIMES = 10
REPLAY_SECONDS = 4.0

Run = Callable[[SessionThread, Target, Path], object]


class Check(NamedTuple):
    """One item. ``refusal``: why it does not apply to this target; empty if it does."""

    name: str
    kind: str
    meaning: str
    run: Run
    keywords: frozenset[str] = frozenset()
    refusal: str = ""


def checks_of(target: Target) -> Iterator[Check]:
    """The scenarios, the tokens if there are any, and a campaign of drawn plans."""
    for name, scenario in SCENARIOS.items():
        refusal = scenario.reason(target.policy)
        yield Check(name, "scenario", scenario.meaning, _scenario(name), frozenset({scenario.family}), refusal)
    if target.has_tokens:
        refusal = authentication.refusal(target)
        yield Check("authentication", "scenario", authentication.MEANING, _authentication, refusal=refusal)
    yield Check("fuzz", "campaign", f"Drawn plans for {FUZZ_SECONDS:g} s break no invariant.", _fuzz)


def _scenario(name: str) -> Run:
    def run(thread: SessionThread, target: Target, folder: Path) -> object:
        plan = scenario_plan(name, target)
        assert plan is not None, "a scenario without a plan is skipped"
        return campaign(thread, target, _options(plans=1), (), [(name, plan)], folder)

    return run


def _authentication(thread: SessionThread, target: Target, folder: Path) -> object:
    plans = [authentication.every_bad_token(target), *authentication.drawn(target, 0, TOKEN_PLANS)]
    return campaign(thread, target, _options(plans=len(plans)), plans, (), folder)


def _fuzz(thread: SessionThread, target: Target, folder: Path) -> object:
    options = _options(seconds=FUZZ_SECONDS)
    return campaign(thread, target, options, drawn_plans(target, options.seed), (), folder)


def _options(seconds: float | None = None, plans: int | None = None) -> Options:
    return Options(seconds=seconds, plans=plans, max_failures=1, shrink_seconds=SHRINK_SECONDS)


def replay_file(path: Path) -> None:
    """Replay a stored failure; raises ``HubFailure`` if it still fails, and what keeps it from being replayed."""
    failure = read_failure(path).failure
    replayed = _replayed(failure)
    if replayed.outcome == "ERROR":
        raise ServerUnavailable(f"{failure.fingerprint}: {replayed.error or 'it could not be run'}")
    if replayed.outcome == "FAILED":
        raise hub_failure([_as_seen(failure, replayed)], {failure.fingerprint: str(path)})


def _replayed(failure: Failure) -> Replayed:
    target = _target_of(failure)

    async def work(session: Session) -> Replayed:
        return await replay(session, failure.plan, failure.fingerprint, REPLAY_TIMES, seconds=REPLAY_SECONDS)

    with SessionThread(target) as thread:
        return thread.call(work)


def _target_of(failure: Failure) -> Target:
    from fuzzer.hub.knobs import Knobs
    from fuzzer.hub.target import embedded_target
    from fuzzer.target.store import restored, target_from_json

    if failure.hub:
        return embedded_target(failure.hub.get("bug"), msgspec.convert(failure.hub.get("knobs", {}), Knobs))
    return restored(target_from_json(msgspec.json.encode(failure.target), "its stored target"))


def _as_seen(failure: Failure, replayed: Replayed) -> Failure:
    attempt = replayed.witness
    finding = attempt.finding(failure.fingerprint) if attempt else None
    if attempt is None or finding is None:
        return failure
    return msgspec.structs.replace(failure, history=attempt.history, finding=finding, rate=replayed.rate)
