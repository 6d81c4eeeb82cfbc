"""What executes the plans of a ``HubMachine``: one session for all of them, and an answer that never changes.

Hypothesis calls a test flaky if the same choices end differently, and races do. Two things prevent it: after the first
failure a candidate is repeated as often as the measured rate asks for; and every plan has one answer for as long as the
session lives, so that what failed once is not asked again.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import trio

from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.reproduce import MEASURE, STEADY, measure, repeats
from fuzzer.campaign.runner import default_judge
from fuzzer.campaign.shrink import RAREST
from fuzzer.campaign.tally import Tally, tally_of
from fuzzer.campaign.trials import Attempt, Trials
from fuzzer.driver.session import Session
from fuzzer.hub_failure import Vacuous, failure_of, hub_failure
from fuzzer.plan import Plan
from fuzzer.report.warnings import nothing_in
from fuzzer.session_thread import SessionThread
from fuzzer.target.model import Target
from fuzzer.values import encode

Result = TypeVar("Result")
SHRINK_SECONDS = 10.0
MEASURE_SECONDS = 5.0

_open: weakref.WeakSet[MachineRunner] = weakref.WeakSet()


class MachineRunner:
    """Call it with a plan: it raises ``HubFailure`` (the subclass of the broken invariant), or returns.

    The session begins with the first plan and ends with ``close`` or ``end``, after which everything begins anew.
    Shrinking stops ``shrink_seconds`` after the first failure.
    """

    def __init__(self, target: Target, shrink_seconds: float = SHRINK_SECONDS) -> None:
        self._target = target
        self._shrink_seconds = shrink_seconds
        self._forget()

    def _forget(self) -> None:
        self._session: SessionThread | None = None
        self._trials: Trials | None = None
        self._answers: dict[bytes, Attempt | None] = {}
        self._unusable: Exception | None = None
        self._hunted = ""
        self._rate = Rate(0, 0)
        self._first: Plan | None = None
        self._until = 0.0
        self._plans, self._tally = 0, Tally()

    def __call__(self, plan: Plan) -> None:
        __tracebackhide__ = True  # of pytest
        attempt = self._answer(plan)
        if attempt is not None:
            raise hub_failure([self._failure(attempt)])  # the one place: Hypothesis tells bugs apart by class and line

    def end(self) -> None:
        """Close; raises ``Vacuous`` if the plans found nothing because nothing was exercised."""
        looked = self._plans and not self._hunted and self._unusable is None
        nothing = nothing_in(self._plans, self._tally) if looked else ""
        self.close()
        if nothing:
            raise Vacuous(f"{self._target.name}: {nothing}, so this proves nothing")

    def close(self) -> None:
        """End the session and forget its answers. Idempotent."""
        _open.discard(self)
        if self._session is not None:
            self._session.close()
        self._forget()

    # ---- one answer for each plan ----------------------------------------------------------------------------------

    def _answer(self, plan: Plan) -> Attempt | None:
        if self._unusable is not None:
            raise self._unusable
        key = encode(plan)
        if key not in self._answers:
            self._answers[key] = self._tried(plan)
        return self._answers[key]

    def _tried(self, plan: Plan) -> Attempt | None:
        if not self._hunted:
            return self._ask(lambda trials: self._explore(trials, plan))
        if time.monotonic() >= self._until:
            return None  # the budget is spent: no candidate fails any more, and Hypothesis winds down
        return self._ask(lambda trials: self._hunt(trials, plan))

    async def _explore(self, trials: Trials, plan: Plan) -> Attempt | None:
        attempt = await trials.run(plan)
        self._plans, self._tally = self._plans + 1, self._tally.plus(tally_of(plan, attempt.history, attempt.verdict))
        if not attempt.fingerprints:
            return None
        self._hunted, self._first = attempt.fingerprints[0], plan
        self._rate = await self._measured(trials, plan)
        shrinkable = self._rate.share >= RAREST
        self._until = time.monotonic() + (self._shrink_seconds if shrinkable else 0.0)
        return attempt

    async def _hunt(self, trials: Trials, plan: Plan) -> Attempt | None:
        """Only the fingerprint that is hunted counts: shrinking must not slip to another bug."""
        for _ in range(repeats(self._rate.failed, self._rate.runs)):
            attempt = await trials.run(plan)
            if attempt.finding(self._hunted):
                return attempt
        return None

    async def _measured(self, trials: Trials, plan: Plan) -> Rate:
        """With the failure that was met by itself left out: it is why we look, so it proves no rate."""
        until = trials.clock() + MEASURE_SECONDS
        return (await measure(trials, plan, self._hunted, MEASURE, until=until, steady=STEADY)).rate

    # ---- the session -----------------------------------------------------------------------------------------------

    def _ask(self, work: Callable[[Trials], Awaitable[Result]]) -> Result:
        try:
            return self._opened().call(lambda session: work(self._trials_of(session)))
        except Exception as error:  # a server that is gone stays gone, however often Hypothesis tries to shrink that
            self._unusable = error
            raise

    def _opened(self) -> SessionThread:
        if self._session is None or self._session.closed:
            self._session = SessionThread(self._target)
            self._trials = None
            _open.add(self)
        return self._session

    def _trials_of(self, session: Session) -> Trials:
        if self._trials is None:
            self._trials = Trials(session, default_judge(), trio.current_time)
        return self._trials

    def _failure(self, attempt: Attempt) -> Failure:
        """With the violation that is hunted first, and how often the first plan failed."""
        violations = sorted(attempt.verdict.violations, key=lambda finding: finding.fingerprint != self._hunted)
        failure = failure_of(attempt.history, violations, "HubMachine", self._first)
        note = f"as drawn, it failed again in {self._rate.failed} of {self._rate.runs} runs"
        return msgspec.structs.replace(failure, notes=(note,))


def machine_runner(target: Target, shrink_seconds: float = SHRINK_SECONDS) -> MachineRunner:
    """What a ``HubMachine`` with this target executes its plans with."""
    return MachineRunner(target, shrink_seconds)


def close_all() -> None:
    """Close every runner that was used; a test, or the process, ends. Raises ``Vacuous`` if one exercised nothing."""
    vacuous: Vacuous | None = None
    for runner in list(_open):
        try:
            runner.end()
        except Vacuous as error:
            vacuous = error
    if vacuous is not None:
        raise vacuous
