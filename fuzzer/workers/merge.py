"""Many campaigns, told as one: events renumbered, each fingerprint once, the smaller plan wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from fuzzer.campaign import events as e
from fuzzer.campaign.chances import better, settled
from fuzzer.campaign.complexity import complexity
from fuzzer.campaign.control import Control
from fuzzer.campaign.doubts import left_out_line, warnings_about
from fuzzer.campaign.engine import SCENARIO
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.ledger import AGAIN, found_again
from fuzzer.campaign.options import Options, Result, Totals
from fuzzer.campaign.store import FailureStore, Stored, StoreError
from fuzzer.campaign.tally import Tally


class Merged:
    """Hears the events of all workers, writes failures, and passes on what is new to the whole."""

    def __init__(
        self,
        options: Options,
        control: Control,
        store: FailureStore | None,
        emit: e.Emit,
        stored: Sequence[Stored] = (),
    ) -> None:
        self._options = options
        self._control = control
        self._store = store
        self._emit = emit
        self._stored = {item.failure.fingerprint: item for item in stored}
        self.failures: dict[str, Failure] = {}
        self.paths: dict[str, str] = {}
        self.plans = self._scenarios = self._executions = self._restarts = 0
        self._tally = Tally()
        self._met: Counter[str] = Counter()
        self._warned: list[str] = []
        self._left_out: list[str] = []

    def hear(self, event: e.CampaignEvent) -> None:
        """One event of one worker."""
        match event:
            case e.PlanExecuted():
                self._executed(event)
            case e.FailureFound():
                self._found(event)
            case e.FailureShrunk():
                self._shrunk(event)
            case e.Warned():
                self.warn(event.text)
            case e.StoredReplayed():
                self._replayed(event)
            case e.ShrinkStep() | e.ServerRestarted() | e.StoredLeft():
                self._emit(event)

    @property
    def enough_shrunk(self) -> bool:
        """As many as were asked for: nobody need begin with another."""
        most = self._options.max_failures
        return most is not None and settled(f for f in self.failures.values() if f.shrunk) >= most

    def warn(self, text: str) -> None:
        """Each line once: what keeps one worker from something often keeps them all."""
        if text not in self._warned:
            self._warned.append(text)
            self._emit(e.Warned(text))

    def left_out(self, plan: str) -> None:
        """It will not be executed: whatever else comes of this run, it is not all that was asked for."""
        self._left_out.append(plan)
        self.warn(left_out_line(plan))

    def finished(self, result: Result, began_with: int) -> None:
        """What only the end of a worker tells. ``began_with``: its plans that were heard of one by one."""
        self._executions += result.totals.executions - began_with
        self._restarts += result.totals.restarts
        self._met.update(result.totals.met)
        for failure in result.failures:
            self._prefer(failure)

    def broken_off(self, met: Counter[str]) -> None:
        """A worker is gone without a result; this is what its plans met."""
        self._met.update(met)

    def result(self, seconds: float) -> Result:
        """All of it, as one campaign would say it."""
        reason, why = self._control.stopped() or ("done", "all plans are executed")
        if reason == "done" and self._left_out:
            why = "all other plans are executed"
        obligations = self._tally.obligations
        return Result(
            stop_reason=reason,
            why=why,
            totals=self._totals(seconds),
            failures=tuple(self.failures.values()),
            vacuous=tuple(code for code, number in sorted(obligations.items()) if number == 0),
            exercised=self._tally.exercised,
            seed=self._options.seed,
            left_out=tuple(self._left_out),
        )

    def _totals(self, seconds: float) -> Totals:
        return Totals(
            plans=self.plans,
            scenarios=self._scenarios,
            executions=self.plans + self._executions,
            seconds=round(seconds, 3),
            restarts=self._restarts,
            exercise=self._tally,
            met=dict(self._met),
        )

    # ---- events ------------------------------------------------------------------------------------------------------

    def _executed(self, event: e.PlanExecuted) -> None:
        self.plans += 1
        self._scenarios += event.origin.startswith(SCENARIO)
        self._tally = self._tally.plus(event.tally)
        self._control.plan_executed()
        self._emit(msgspec.structs.replace(event, number=self.plans, elapsed=self._control.elapsed))

    def _found(self, event: e.FailureFound) -> None:
        failure = event.failure
        if failure.fingerprint in self.failures:
            self._prefer(failure)
            return
        if not event.path and failure.fingerprint in self._stored:
            self._found_again(self._stored[failure.fingerprint])
            return
        self._keep(failure, event.path)
        self._emit(e.FailureFound(failure, self.paths[failure.fingerprint]))
        self._control.failures_found(settled(self.failures.values()))

    def _found_again(self, stored: Stored) -> None:
        """Met by a worker to whom it is new; who replays it will tell the rest."""
        failure, path = found_again(stored.failure), str(stored.path)
        self._keep(failure, path)
        self._emit(e.FailureShrunk(failure, path) if failure.shrunk else e.FailureFound(failure, path))
        self._control.failures_found(settled(self.failures.values()))

    def _replayed(self, event: e.StoredReplayed) -> None:
        """It still fails if anybody has met it; if nobody has, to meet it later is to find it anew."""
        if event.fingerprint in self.failures and not event.rate.failed:
            event = msgspec.structs.replace(event, rate=Rate(1, event.rate.runs + 1), sure=True)
        if not event.rate.failed:
            self._stored.pop(event.fingerprint, None)
        self._emit(event)

    def _shrunk(self, event: e.FailureShrunk) -> None:
        failure = event.failure
        there = self.failures.get(failure.fingerprint)
        again = there is not None and failure.plan == there.plan and failure.hunts > there.hunts
        if there is not None and not again and not better(failure, there):
            return
        self._keep(failure, event.path)
        self._emit(e.FailureShrunk(failure, self.paths[failure.fingerprint]))
        self._control.failures_found(settled(self.failures.values()))

    # ---- failures ----------------------------------------------------------------------------------------------------

    def _prefer(self, failure: Failure) -> None:
        """A second one with this fingerprint: only a smaller plan is of interest, or what was noted later on."""
        there = self.failures.get(failure.fingerprint)
        if there is None:
            self._found(e.FailureFound(failure))
        elif not there.shrunk and complexity(failure.plan) < complexity(there.plan):
            self._keep(failure, "")
        elif failure == msgspec.structs.replace(there, notes=failure.notes) and len(failure.notes) > len(there.notes):
            self._keep(failure, self.paths.get(failure.fingerprint, "") if AGAIN in failure.notes else "")

    def _keep(self, failure: Failure, path: str) -> None:
        """``path`` is given for what is on disk already, from an earlier run."""
        self.failures[failure.fingerprint] = failure
        self.paths[failure.fingerprint] = path or self._write(failure)

    def _write(self, failure: Failure) -> str:
        """The path; empty, with a warning, if it cannot be written: a full disk must not end the campaign."""
        if self._store is None:
            return ""
        try:
            return str(self._store.write(failure))
        except StoreError as error:
            self.warn(str(error))
            return ""


def about_itself(result: Result, warned: Sequence[str]) -> list[str]:
    """A worker's warnings without those about its own result: the whole has its own."""
    own = set(warnings_about(result))
    return [text for text in warned if text not in own]
