"""The campaign: scenarios first, then drawn plans until a budget is spent; each new kind of failure is shrunk at once.

A failure is on disk from the moment it is found, unshrunk, and its file is replaced by the shrunk one; so whatever ends
the campaign, nothing that was found is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import trio

from fuzzer.campaign.control import Clock, Control
from fuzzer.campaign.events import (
    Emit,
    FailureFound,
    FailureShrunk,
    Finished,
    PlanExecuted,
    ServerRestarted,
    ShrinkStep,
    Started,
    Warned,
    ignore,
)
from fuzzer.campaign.failure import Failure, invariant_name, tool_version
from fuzzer.campaign.minimise import Minimiser
from fuzzer.campaign.options import Options, Result, StopReason, Subject, Totals
from fuzzer.campaign.runner import Judge, Runner, ServerUnavailable, default_judge
from fuzzer.campaign.store import FailureStore
from fuzzer.campaign.tally import Tally, tally_of
from fuzzer.campaign.trials import Attempt, Trials
from fuzzer.plan import Plan


async def run_campaign(
    runner: Runner,
    options: Options,
    *,
    plans: Iterable[Plan],
    scenarios: Sequence[tuple[str, Plan]] = (),
    store: FailureStore | None = None,
    emit: Emit = ignore,
    clock: Clock = trio.current_time,
    judge: Judge | None = None,
    subject: Subject | None = None,
    control: Control | None = None,
) -> Result:
    """Explore, shrink, measure; returns what was done and found. Raises ``StoreError`` if a file cannot be written."""
    campaign = Campaign(runner, options, store, emit, clock, judge or default_judge(), subject or Subject(), control)
    return await campaign.run(plans, scenarios)


class Campaign:
    """The state of one campaign."""

    def __init__(
        self,
        runner: Runner,
        options: Options,
        store: FailureStore | None,
        emit: Emit,
        clock: Clock,
        judge: Judge,
        subject: Subject,
        control: Control | None,
    ) -> None:
        self._options = options
        self._store = store
        self._emit = emit
        self._clock = clock
        self._subject = subject
        self._control = control or Control(options, clock)
        self._trials = Trials(runner, judge, clock, self._met, self._restarted, options.only, options.skip)
        self._origin = ""
        self._tally = Tally()
        self._counts: Counter[str] = Counter()
        self._met_fingerprints: Counter[str] = Counter()
        self._failures: dict[str, Failure] = {}
        self._waiting: list[tuple[str, float]] = []

    async def run(self, plans: Iterable[Plan], scenarios: Sequence[tuple[str, Plan]]) -> Result:
        """Until a stopping rule says so. What was met but not yet shrunk is shrunk then, within its own budget."""
        self._emit(Started(self._subject, self._options, len(scenarios)))
        with trio.CancelScope() as scope:
            self._control.when_interrupted(scope.cancel)
            try:
                await self._explore(plans, scenarios)
            except ServerUnavailable as error:
                self._control.server_unavailable(str(error))
        result = self._result()
        self._emit(Finished(result))
        return result

    async def _explore(self, plans: Iterable[Plan], scenarios: Sequence[tuple[str, Plan]]) -> None:
        for origin, plan in self._sources(plans, scenarios):
            await self._one(origin, plan)
            await self._shrink_waiting()
            if not self._control.may_explore:
                return
        self._control.plans_exhausted()

    def _sources(self, plans: Iterable[Plan], scenarios: Sequence[tuple[str, Plan]]) -> Iterator[tuple[str, Plan]]:
        yield from ((f"scenario {name}", plan) for name, plan in scenarios)
        yield from ((f"plan {number}", plan) for number, plan in enumerate(plans, 1))

    # ---- one plan ------------------------------------------------------------------------------------------------

    async def _one(self, origin: str, plan: Plan) -> None:
        self._origin = origin
        self._counts["scenarios"] += origin.startswith("scenario")
        self._trials.forget()
        attempt = await self._trials.run(plan)
        self._origin = ""
        self._control.plan_executed()
        self._counts["plans"] += 1
        tally = tally_of(plan, attempt.history, attempt.verdict)
        self._tally = self._tally.plus(tally)
        self._emit(
            PlanExecuted(
                number=self._counts["plans"],
                origin=origin,
                size=plan.size(),
                seconds=attempt.seconds,
                elapsed=self._control.elapsed,
                tally=tally,
                violated=attempt.fingerprints,
                inconclusive=tuple(sorted({finding.code for finding in attempt.verdict.inconclusive})),
            )
        )

    def _met(self, attempt: Attempt) -> None:
        """Hears of every execution, also of those of shrinking: another failure on the way is kept, too.

        Of one history only the worst finding opens a failure; the others are written down with it, and whichever is a
        defect of its own will be met without the first.
        """
        self._met_fingerprints.update(attempt.fingerprints)
        fresh = [f for f in attempt.fingerprints if f not in self._failures and f not in self._options.known]
        if not fresh or fresh[0] != attempt.fingerprints[0] or attempt.hurry < 1:
            return
        self._found(attempt, fresh[0])

    def _found(self, attempt: Attempt, fingerprint: str) -> None:
        finding = attempt.finding(fingerprint)
        assert finding is not None, "its fingerprint came from there"
        failure = Failure(
            fingerprint=fingerprint,
            code=finding.code,
            name=invariant_name(finding.code),
            plan=attempt.plan,
            original=attempt.plan,
            history=attempt.history,
            finding=finding,
            others=tuple(f for f in attempt.verdict.violations if f is not finding),
            origin=self._origin or "while another failure was shrunk",
            seed=self._options.seed,
            found_at=datetime.now(UTC).isoformat(timespec="seconds"),
            target=self._subject.target,
            hub=self._subject.hub,
            tool=tool_version(),
        )
        self._failures[fingerprint] = failure
        self._waiting.append((fingerprint, attempt.seconds))
        self._control.failures_found(len(self._failures))
        self._emit(FailureFound(failure, self._write(failure)))

    def _write(self, failure: Failure) -> str:
        return "" if self._store is None else str(self._store.write(failure))

    # ---- shrinking -----------------------------------------------------------------------------------------------

    async def _shrink_waiting(self) -> None:
        began = self._clock()
        while self._waiting and self._control.may_shrink:
            fingerprint, seconds = self._waiting.pop(0)
            await self._shrink(fingerprint, seconds)
        self._control.exclude(self._clock() - began)

    async def _shrink(self, fingerprint: str, seconds: float) -> None:
        self._trials.forget()
        minimiser = Minimiser(
            trials=self._trials,
            best=self._failures[fingerprint],
            options=self._options,
            ceiling=self._control.ceiling,
            seconds=seconds,
            on_step=lambda plan, by, runs, took: self._emit(
                ShrinkStep(fingerprint, plan, plan.size(), runs, round(took, 3), by)
            ),
        )
        try:
            await minimiser.run()
        finally:  # interrupted or without a server: what is known by now is still worth keeping
            self._keep(msgspec.structs.replace(minimiser.best, found_at=self._failures[fingerprint].found_at))

    def _keep(self, failure: Failure) -> None:
        self._failures[failure.fingerprint] = failure
        path = self._write(failure)
        self._emit(FailureShrunk(failure, path))

    def _restarted(self, reason: str) -> None:
        if "fresh server" not in reason:
            self._emit(ServerRestarted(reason))

    # ---- the end -------------------------------------------------------------------------------------------------

    def _result(self) -> Result:
        reason: tuple[StopReason, str] = self._control.stopped() or ("done", "all plans are executed")
        obligations = self._tally.obligations
        if reason[0] == "server-unavailable":
            self._emit(Warned(reason[1]))
        return Result(
            stop_reason=reason[0],
            why=reason[1],
            totals=Totals(
                plans=self._counts["plans"],
                scenarios=self._counts["scenarios"],
                executions=self._trials.executions,
                seconds=round(self._control.elapsed, 3),
                restarts=self._trials.restarts,
                exercise=self._tally,
                met=dict(self._met_fingerprints),
            ),
            failures=tuple(self._failures.values()),
            vacuous=tuple(sorted(code for code, count in obligations.items() if not count)),
            exercised=any(obligations.values()),
            seed=self._options.seed,
        )
