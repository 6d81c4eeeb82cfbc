"""What the items of the pytest plugin do: a scenario, bad tokens, a short campaign, or the replay of a failure file."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from fuzzer import authentication
from fuzzer.api import campaign, drawn_plans, scenario_plan
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.options import Options, Result
from fuzzer.campaign.reproduce import Replayed, repeats, replay
from fuzzer.campaign.runner import ServerUnavailable
from fuzzer.campaign.store import read_failure
from fuzzer.driver.session import Session
from fuzzer.greeting import greet
from fuzzer.hub_failure import hub_failure
from fuzzer.plan import Plan
from fuzzer.replayable import check_is_judged, plan_of, target_of
from fuzzer.report.outcome import failures_instead
from fuzzer.scenarios import SCENARIOS
from fuzzer.session_thread import SessionThread
from fuzzer.target.model import Target

FUZZ_SECONDS = 3.0
SHRINK_SECONDS = 5.0
TOKEN_PLANS = 5
ABOUT_TOKENS = ("HF502", "HF601")  # a crash is everybody's business
REPLAY_TIMES = 10
REPLAY_SECONDS = 4.0


class Asked(NamedTuple):
    """What an item works on; ``known`` are the fingerprints that do not make it fail."""

    thread: SessionThread
    target: Target
    folder: Path
    known: tuple[str, ...] = ()

    def campaign(self, options: Options, plans: Iterable[Plan], named: Sequence[tuple[str, Plan]]) -> Result:
        """Raises what ``fuzz`` raises."""
        options = msgspec.structs.replace(options, known=self.known)
        return campaign(self.thread, self.target, options, plans, named, self.folder)


Run = Callable[[Asked], Result]


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
    # not "fuzz": for -k that would also be every item of a hubfuzz.toml
    yield Check("campaign", "drawn plans", f"Drawn plans for {FUZZ_SECONDS:g} s break no invariant.", _fuzz)


def _scenario(name: str) -> Run:
    def run(asked: Asked) -> Result:
        plan = scenario_plan(name, asked.target)
        assert plan is not None, "a scenario without a plan is skipped"
        return asked.campaign(_options(plans=1), (), [(name, plan)])

    return run


def _authentication(asked: Asked) -> Result:
    plans = [authentication.every_bad_token(asked.target), *authentication.drawn(asked.target, 0, TOKEN_PLANS)]
    options = msgspec.structs.replace(_options(plans=len(plans)), only=ABOUT_TOKENS)
    return asked.campaign(options, plans, ())


def _fuzz(asked: Asked) -> Result:
    options = msgspec.structs.replace(_options(seconds=FUZZ_SECONDS), seed=secrets.randbelow(1_000_000_000))
    return asked.campaign(options, drawn_plans(asked.target, options.seed), ())


def _options(seconds: float | None = None, plans: int | None = None) -> Options:
    return Options(seconds=seconds, plans=plans, max_failures=1, shrink_seconds=SHRINK_SECONDS)


class Replay:
    """The replay of a stored failure: first everything that can go wrong with it, then the verdict."""

    def __init__(self, path: Path, allow_hosts: Sequence[str] = ()) -> None:
        """Read the file and reach the server; raises what keeps it from being replayed."""
        self._path = path
        self._failure = read_failure(path).failure
        self._plan = plan_of(self._failure)
        target = target_of(self._failure, allow_hosts=allow_hosts)
        check_is_judged(self._failure, target)
        self._thread = SessionThread(target)
        self._greet()

    def run(self) -> None:
        """Raises ``HubFailure`` if it still fails, in whatever way, and ``ServerUnavailable``."""
        failure = self._failure
        seen = self._thread.call(lambda session: self._measured(session))
        if seen.outcome == "ERROR":
            raise ServerUnavailable(f"{failure.fingerprint}: {seen.trouble}")
        if seen.outcome == "FAILED":
            raise hub_failure([_as_seen(failure, seen)], {failure.fingerprint: str(self._path)})
        if seen.outcome == "CHANGED":
            raise hub_failure(failures_instead(failure, seen))

    def close(self) -> None:
        """End the session."""
        self._thread.close()

    def _greet(self) -> None:
        try:
            self._thread.call(greet)
        except BaseException:
            self.close()
            raise

    async def _measured(self, session: Session) -> Replayed:
        """What failed rarely is run more often before it counts as fixed, and then without regard to time."""
        rate = self._failure.rate or Rate(0, 0)
        least = repeats(rate.failed, rate.runs)
        failure, recorded = self._failure, self._failure.history
        seen = await replay(session, self._plan, failure.fingerprint, least, recorded=recorded)
        if seen.outcome != "FAILED":
            return seen
        more = await replay(session, self._plan, failure.fingerprint, REPLAY_TIMES, seconds=REPLAY_SECONDS)
        return more if more.outcome == "FAILED" else seen


def _as_seen(failure: Failure, replayed: Replayed) -> Failure:
    attempt = replayed.witness
    finding = attempt.finding(failure.fingerprint) if attempt else None
    if attempt is None or finding is None:
        return failure
    return msgspec.structs.replace(failure, history=attempt.history, finding=finding, rate=replayed.rate)
