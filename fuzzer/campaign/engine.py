"""The campaign: scenarios, then drawn plans until a budget is spent; each new failure is written, then shrunk.

The engine emits events and returns a result; it prints nothing. However it ends, what was found is on disk.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import trio

from fuzzer.campaign.chances import settled
from fuzzer.campaign.control import Clock, Control
from fuzzer.campaign.doubts import warnings_about
from fuzzer.campaign.events import (
    Emit,
    Finished,
    PlanExecuted,
    ServerRestarted,
    ShrinkStep,
    Started,
    StoredLeft,
    Warned,
    ignore,
)
from fuzzer.campaign.failure import Failure
from fuzzer.campaign.ledger import Ledger
from fuzzer.campaign.minimise import Minimiser
from fuzzer.campaign.options import Options, Result, Subject, Totals
from fuzzer.campaign.runner import Judge, Runner, ServerUnavailable, default_judge
from fuzzer.campaign.store import FailureStore, Stored
from fuzzer.campaign.stored import replay_stored
from fuzzer.campaign.tally import Tally, tally_of
from fuzzer.campaign.trials import Attempt, Trials
from fuzzer.plan import Plan

SCENARIO: Final = "scenario "
TRIES_OF_A_SUSPECT: Final = 2

Drawn = Plan | tuple[str, Plan]  # with the words for where it came from, or numbered as it comes
Plans = Iterable[Drawn] | AsyncIterable[Drawn]
Claim = Callable[[str], Awaitable[bool]]


def utc_now() -> str:
    """ISO 8601, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


async def granted(fingerprint: str) -> bool:
    """Nobody else is there who could shrink it."""
    return True


async def run_campaign(
    runner: Runner,
    options: Options,
    *,
    plans: Plans,
    scenarios: Sequence[tuple[str, Plan]] = (),
    stored: Sequence[Stored] = (),
    store: FailureStore | None = None,
    emit: Emit = ignore,
    clock: Clock = time.monotonic,
    judge: Judge | None = None,
    control: Control | None = None,
    subject: Subject | None = None,
    now: Callable[[], str] = utc_now,
    claim: Claim = granted,
) -> Result:
    """Run a campaign to its end: ``stored`` failures again, then scenarios, then plans.

    ``claim`` says whether a new failure is ours to shrink.

    ``control.interrupt()`` (or a KeyboardInterrupt) ends it at once, with a result; so does a server that is gone for
    good. ``now`` dates failures. Raises ``StoreError`` before the first plan if the store cannot be written, and
    ``trio.Cancelled`` if the caller cancels: then the files that are written are the result.
    """
    if store is not None:
        store.prepare()
    subject = subject or Subject(name=runner.target_name)
    ledger = Ledger(emit, store, subject, options.seed, options.known, now)
    control = control or Control(options, clock)
    campaign = Campaign(runner, options, control, ledger, judge or default_judge(), clock, claim)
    emit(Started(subject, options, len(scenarios)))
    await campaign.run(plans, scenarios, stored)
    result = campaign.result()
    for text in warnings_about(result):
        emit(Warned(text))
    emit(Finished(result))
    return result


class Campaign:
    """The state of one run of the engine."""

    def __init__(
        self,
        runner: Runner,
        options: Options,
        control: Control,
        ledger: Ledger,
        judge: Judge,
        clock: Clock,
        claim: Claim = granted,
    ) -> None:
        self._options = options
        self._control = control
        self._ledger = ledger
        self._clock = clock
        self._emit = ledger.emit
        self._claim = claim
        self._trials = Trials(runner, judge, clock, self._note, self._restarted, options.only, options.skip)
        self._origin = ""
        self._exploring = False
        self._plans = self._scenarios = 0
        self._tally = Tally()

    async def run(self, plans: Plans, scenarios: Sequence[tuple[str, Plan]], stored: Sequence[Stored] = ()) -> None:
        """Explore and shrink; at the end ``control`` knows why it is the end."""
        deadline = trio.current_time() + (math.inf if self._options.ceiling is None else self._options.ceiling)
        async with contextlib.aclosing(_named(plans, scenarios)) as source:
            with trio.CancelScope(deadline=deadline) as scope:
                self._control.when_interrupted(scope.cancel)
                await self._to_the_end(source, stored)

    async def _to_the_end(self, source: AsyncIterator[tuple[str, Plan]], stored: Sequence[Stored]) -> None:
        try:
            await self._replay(stored)
            await self._explore(source)
        except* KeyboardInterrupt:
            self._control.interrupt()
        except* ServerUnavailable as group:
            self._control.server_unavailable(str(group.exceptions[0]))

    def result(self) -> Result:
        """What there is to say at the end."""
        # Only the ceiling, on trio's own clock, can have ended a run of which the control knows no reason to end.
        reason, why = self._control.stopped() or ("time", f"the ceiling of {self._options.ceiling} s is reached")
        obligations = self._tally.obligations
        return Result(
            stop_reason=reason,
            why=why,
            totals=self._totals(),
            failures=tuple(self._ledger.failures.values()),
            vacuous=tuple(code for code, number in sorted(obligations.items()) if number == 0),
            exercised=self._tally.exercised,
            seed=self._options.seed,
        )

    def _totals(self) -> Totals:
        return Totals(
            plans=self._plans,
            scenarios=self._scenarios,
            executions=self._trials.executions,
            seconds=round(self._control.elapsed, 3),
            restarts=self._trials.restarts,
            exercise=self._tally,
            met=dict(self._ledger.met),
        )

    # ---- exploring -------------------------------------------------------------------------------------------------

    async def _replay(self, stored: Sequence[Stored]) -> None:
        """Failures of earlier runs come first: what is still broken is known at once. They have half of the time."""
        for item in stored:
            self._ledger.expect(item)  # all of them: the replay of one may show another
        for place, item in enumerate(stored):
            if not self._control.may_explore:
                return
            if (left := self._control.for_stored) <= 0:
                self._emit(StoredLeft(tuple(late.failure.fingerprint for late in stored[place:])))
                return
            self._origin = f"stored {item.failure.fingerprint}"
            await replay_stored(item, self._trials, self._ledger, min(self._control.ceiling, self._clock() + left))
            await self._shrink_waiting()

    async def _explore(self, source: AsyncIterator[tuple[str, Plan]]) -> None:
        while self._control.may_explore:
            drawn = await anext(source, None)
            if drawn is None:
                self._control.plans_exhausted()
                return
            await self._explore_one(*drawn)
            await self._shrink_waiting()

    async def _explore_one(self, origin: str, plan: Plan) -> None:
        self._origin, self._exploring = origin, True
        self._trials.forget()
        try:
            await self._trials.run(plan)
        finally:
            self._exploring = False

    def _note(self, attempt: Attempt) -> None:
        """Every execution comes by here, whatever it was for."""
        self._ledger.note(attempt, self._origin)
        self._control.failures_found(settled(self._ledger.failures.values()))
        if self._exploring:
            self._count(attempt)

    def _count(self, attempt: Attempt) -> None:
        tally = tally_of(attempt.plan, attempt.history, attempt.verdict)
        self._tally = self._tally.plus(tally)
        self._plans += 1
        self._scenarios += self._origin.startswith(SCENARIO)
        self._control.plan_executed()
        self._emit(
            PlanExecuted(
                number=self._plans,
                origin=self._origin,
                size=attempt.plan.size(),
                seconds=attempt.seconds,
                elapsed=self._control.elapsed,
                tally=tally,
                violated=attempt.fingerprints,
                inconclusive=tuple(dict.fromkeys(finding.code for finding in attempt.verdict.inconclusive)),
            )
        )

    def _restarted(self, reason: str) -> None:
        self._emit(ServerRestarted(reason))

    # ---- shrinking -------------------------------------------------------------------------------------------------

    async def _shrink_waiting(self) -> None:
        """Shrink what was found, and what is found while shrinking."""
        began = self._clock()
        try:
            while self._control.may_shrink and not self._enough() and (waiting := self._ledger.next_waiting()):
                if await self._claim(waiting[0].fingerprint):
                    await self._shrink_one(*waiting)
                await self._try_suspects()
        finally:
            self._control.exclude(self._clock() - began)

    def _enough(self) -> bool:
        """As many as were asked for are shrunk: what was met on the way is stored as it was found."""
        most = self._options.max_failures
        shrunk = [failure for failure in self._ledger.failures.values() if failure.shrunk]
        return most is not None and settled(shrunk) >= most

    async def _shrink_one(self, failure: Failure, seconds: float) -> None:
        self._origin = f"shrinking {failure.fingerprint}"

        def step(plan: Plan, by: str, executions: int, spent: float) -> None:
            self._emit(ShrinkStep(failure.fingerprint, plan, plan.size(), executions, spent, by))

        minimiser = Minimiser(self._trials, failure, self._options, self._control.ceiling, seconds, step)
        try:
            self._ledger.shrunk(await minimiser.run())
        except BaseException:
            self._ledger.given_up(minimiser.so_far())
            raise
        self._control.failures_found(settled(self._ledger.failures.values()))

    async def _try_suspects(self) -> None:
        """What was met with shorter time bounds only counts if it happens with the real ones."""
        while self._control.may_shrink and (plan := self._ledger.next_suspect()):
            for _ in range(TRIES_OF_A_SUSPECT):
                await self._trials.run(plan)


async def _named(plans: Plans, scenarios: Sequence[tuple[str, Plan]]) -> AsyncGenerator[tuple[str, Plan], None]:
    """Scenarios first. A source of plans that can be closed is closed, however far it was read."""
    numbers = itertools.count(1)
    try:
        for name, plan in scenarios:
            yield f"{SCENARIO}{name}", plan
        if isinstance(plans, AsyncIterable):
            async for drawn in plans:
                yield _with_origin(drawn, next(numbers))
        else:
            for drawn in plans:
                yield _with_origin(drawn, next(numbers))
    finally:
        close = getattr(plans, "close", None)
        if close is not None:
            close()


def _with_origin(drawn: Drawn, number: int) -> tuple[str, Plan]:
    return drawn if isinstance(drawn, tuple) else (f"plan {number}", drawn)
