"""Executing and judging plans one after the other: the one place where a campaign meets its runner.

Keeps the memo of what every plan did so far, and sees to it that a hurt server is replaced before the next plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import msgspec
import trio

from fuzzer.campaign.control import Clock
from fuzzer.campaign.failure import Failure
from fuzzer.campaign.runner import Judge, Runner, ServerUnavailable
from fuzzer.history import Control, History, OpenOk, ServerExit
from fuzzer.plan import Plan
from fuzzer.target.errors import ServerError, TargetError
from fuzzer.values import encode
from fuzzer.verdict import Finding, Verdict

MOST_UNANSWERED = 3  # one may be the fault of the plan, two a slow restart
GONE = (OSError, ServerError, TargetError)


@dataclass(frozen=True)
class Attempt:
    """One execution. ``hurry`` is the scale of the time bounds."""

    plan: Plan
    history: History
    verdict: Verdict
    seconds: float
    hurry: float = 1.0

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Each once, the worst first."""
        return tuple(dict.fromkeys(finding.fingerprint for finding in self.verdict.violations))

    def finding(self, fingerprint: str) -> Finding | None:
        """The first violation with this fingerprint."""
        return next((f for f in self.verdict.violations if f.fingerprint == fingerprint), None)


@dataclass
class Record:
    """What one plan did in all its executions; ``unsure`` counts inconclusive findings by code."""

    runs: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    unsure: Counter[str] = field(default_factory=Counter)

    def note(self, attempt: Attempt) -> None:
        """One more execution."""
        self.runs += 1
        self.failed.update(attempt.fingerprints)
        self.unsure.update({finding.code for finding in attempt.verdict.inconclusive})

    def share(self, fingerprint: str) -> float:
        """The part of its executions that failed in this way; 0 if it never ran."""
        return self.failed[fingerprint] / self.runs if self.runs else 0.0

    def clean(self, fingerprint: str) -> int:
        """Executions that speak against this fingerprint: those in which its invariant could not decide do not."""
        return self.runs - self.failed[fingerprint] - self.unsure[fingerprint.partition("-")[0]]


class Trials:
    """Runs plans. ``on_attempt`` hears of every execution before anything else is awaited."""

    def __init__(
        self,
        runner: Runner,
        judge: Judge,
        clock: Clock,
        on_attempt: Callable[[Attempt], None] = lambda attempt: None,
        on_restart: Callable[[str], None] = lambda reason: None,
        only: Collection[str] = (),
        skip: Collection[str] = (),
    ) -> None:
        self._runner = runner
        self._judge = judge
        self.clock = clock
        self._on_attempt = on_attempt
        self._on_restart = on_restart
        self._only, self._skip = only, skip
        self._records: dict[tuple[bytes, float], Record] = {}
        self._unanswered = 0
        self.executions = 0
        self.restarts = 0

    async def run(self, plan: Plan, hurry: float = 1.0) -> Attempt:
        """One execution, judged. Raises ``ServerUnavailable``."""
        await trio.lowlevel.checkpoint()  # whatever the runner does: each execution is a place to be cancelled
        began = self.clock()
        try:
            history = await self._runner.execute(plan, hurry)
        except Exception as error:
            raise unavailable(error) from error
        verdict = self._judge(history, only=self._only, skip=self._skip)
        attempt = Attempt(plan, history, verdict, self.clock() - began, hurry)
        self.executions += 1
        self.record(plan, hurry).note(attempt)
        self._on_attempt(attempt)
        await self._mend(attempt)
        return attempt

    def record(self, plan: Plan, hurry: float = 1.0) -> Record:
        """What this very plan did so far."""
        return self._records.setdefault((encode(plan), hurry), Record())

    def forget(self) -> None:
        """Memory is for one hunt: what is known of old candidates is of no use to the next plan that is explored."""
        self._records.clear()

    async def fresh(self, reason: str) -> bool:
        """Ask for a fresh server; False if it is not ours. Raises ``ServerUnavailable``."""
        try:
            restarted = await self._runner.restore()
        except Exception as error:
            raise unavailable(error) from error
        if restarted:
            self.restarts += 1
            self._on_restart(reason)
        return restarted

    async def _mend(self, attempt: Attempt) -> None:
        answered = any(isinstance(event, OpenOk) for event in attempt.history.events)
        self._unanswered = 0 if answered else self._unanswered + 1
        reason = damage(attempt)
        restarted = bool(reason) and await self.fresh(reason)
        if self._unanswered >= MOST_UNANSWERED:
            tail = "although it was restarted" if restarted else "and it is not ours to restart"
            raise ServerUnavailable(f"the server accepts no connection any more, {tail}")


def damage(attempt: Attempt) -> str:
    """Why the next plan needs a fresh server; empty if it does not."""
    events = attempt.history.events
    exits = [event.status for event in events if isinstance(event, ServerExit)]
    if exits:
        return f"the server ended with status {exits[-1]}"
    if any(finding.code == "HF501" for finding in attempt.verdict.violations):
        return "the server did not serve a newcomer"
    control = [event.ok for event in events if isinstance(event, Control)]
    if control and not control[-1]:
        return "the server did not answer the control connections"
    return "" if any(isinstance(event, OpenOk) for event in events) else "the server accepted no connection"


def unavailable(error: Exception) -> Exception:
    """``ServerUnavailable`` if that is what the error means, also from within a nursery; else the error itself."""
    first: BaseException = error
    while isinstance(first, BaseExceptionGroup):
        if any(not isinstance(other, (*GONE, BaseExceptionGroup)) for other in first.exceptions):
            return error
        first = first.exceptions[0]
    if not isinstance(first, GONE):
        return error
    return ServerUnavailable(" ".join(str(first).split()) or type(first).__name__)


def shown_by(failure: Failure, attempt: Attempt) -> Failure:
    """The same failure, with this execution as its plan and evidence."""
    finding = attempt.finding(failure.fingerprint)
    assert finding is not None, "an execution can only show what it found"
    others = others_than(finding, attempt)
    return msgspec.structs.replace(failure, plan=attempt.plan, history=attempt.history, finding=finding, others=others)


def others_than(finding: Finding, attempt: Attempt) -> tuple[Finding, ...]:
    """What else it shows: of one fingerprint one finding speaks, however many there are."""
    return tuple(other for other in attempt.verdict.violations if other.fingerprint != finding.fingerprint)
