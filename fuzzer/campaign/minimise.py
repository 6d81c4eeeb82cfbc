"""From a failure as it was found to the one that is shown: measure, shrink, confirm, and measure the rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from fuzzer.campaign.complexity import complexity
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.options import Options
from fuzzer.campaign.reproduce import MEASURE, STEADY, measure
from fuzzer.campaign.shrink import RAREST, Evidence, Shrinker, causal_part
from fuzzer.campaign.trials import Attempt, Trials
from fuzzer.plan import Plan

SLOW: Final = 0.5  # seconds: such an execution surely waited for a time bound of the policy
HALF_HURRY: Final = 0.5
SHARE_OF_REPLAY: Final = 0.5  # of the shrink budget, on top of it

OnStep = Callable[[Plan, str, int, float], None]


@dataclass
class Minimiser:
    """Treats one failure. ``best`` is at any time the failure as it would be written now."""

    trials: Trials
    best: Failure
    options: Options
    ceiling: float = float("inf")
    seconds: float = 0.0
    on_step: OnStep = lambda plan, by, executions, seconds: None
    _notes: list[str] = field(default_factory=list)
    _began: float = 0.0
    _executions: int = 0
    _shrinker: Shrinker | None = None

    def so_far(self) -> Failure:
        """What to keep if the hunt ends here: the smallest plan that failed with the real time bounds."""
        witness = self._shrinker.witness if self._shrinker else None
        if witness is None or witness.hurry < 1 or complexity(witness.plan) >= complexity(self.best.plan):
            return self.best
        return shown_by(self.best, witness)

    async def run(self) -> Failure:
        """The failure with ``shrunk`` set. Raises ``ServerUnavailable``; ``best`` then holds what is known."""
        self._began, self._executions = self.trials.clock(), self.trials.executions
        deadline = min(self._began + self.options.shrink_seconds, self.ceiling)
        await self.trials.fresh(f"{self.best.fingerprint} is shrunk on a fresh server")
        for hurry in self._hurries():
            if self.trials.clock() >= deadline or await self._shrink(hurry, deadline):
                break
        if self.best.rate is None:
            await self._rate_of(self.best.plan)
        self.best = msgspec.structs.replace(self.best, shrunk=True, notes=tuple(dict.fromkeys(self._notes)))
        self._note_cost()
        return self.best

    def _hurries(self) -> Iterator[float]:
        """A failure that costs waiting is first hunted with shorter time bounds: real ones if that leads nowhere."""
        if self.seconds > SLOW and self.options.hurry < 1:
            yield self.options.hurry
            if self.options.hurry < HALF_HURRY:
                yield HALF_HURRY
        yield 1.0

    async def _shrink(self, hurry: float, deadline: float) -> bool:
        """One hunt with this scale of time; True if the result is final."""
        seen = await self._measure(hurry, deadline)
        if seen.share < RAREST:
            return self._too_rare(seen, hurry)
        shrinker = self._shrinker = self._hunt(seen, hurry, deadline)
        part = causal_part(self.best.plan, self.best.finding, self.best.history)
        if part is not None:
            await shrinker.try_once(part, "the witnesses' own ops")
        smallest = await shrinker.shrink()
        if shrinker.spent:
            self._notes.append("the time for shrinking ran out: a simpler plan may exist")
        for plan in distinct((smallest, shrinker.steady_plans[-1])):
            if plan != self.best.plan and await self._rate_of(plan):
                return True
        return smallest == self.best.plan or self._unconfirmed(hurry)

    async def _measure(self, hurry: float, deadline: float) -> Rate:
        """How often does it fail? A single failure in ten says too little, so that doubles the effort."""
        fingerprint, plan = self.best.fingerprint, self.best.plan
        failed = runs = 0
        for _ in range(2):
            seen = await measure(self.trials, plan, fingerprint, MEASURE, hurry=hurry, until=deadline, steady=STEADY)
            failed, runs = failed + seen.rate.failed, runs + seen.rate.runs
            if failed != 1 or runs < MEASURE:
                break
        return Rate(failed, runs)

    def _hunt(self, seen: Rate, hurry: float, deadline: float) -> Shrinker:
        return Shrinker(
            trials=self.trials,
            fingerprint=self.best.fingerprint,
            best=self.best.plan,
            evidence=Evidence(seen.failed, seen.runs),
            deadline=deadline,
            hurry=hurry,
            on_step=self._step,
        )

    def _step(self, plan: Plan, by: str) -> None:
        self.on_step(plan, by, self.trials.executions - self._executions, self.trials.clock() - self._began)

    # ---- the end -----------------------------------------------------------------------------------------------------

    async def _rate_of(self, plan: Plan) -> bool:
        """Replay with the real time bounds; if it fails, this plan and its history are the failure."""
        until = min(self.trials.clock() + self.options.shrink_seconds * SHARE_OF_REPLAY, self.ceiling)
        await self.trials.fresh(f"{self.best.fingerprint} is replayed on a fresh server")
        replayed = await measure(self.trials, plan, self.best.fingerprint, self.options.replay_times, until=until)
        if replayed.witness is not None:
            self.best = shown_by(self.best, replayed.witness)
        if replayed.witness is not None or plan == self.best.plan:
            self.best = msgspec.structs.replace(self.best, rate=replayed.rate)
        return replayed.witness is not None

    def _too_rare(self, seen: Rate, hurry: float) -> bool:
        if hurry < 1:
            return False
        self.best = msgspec.structs.replace(self.best, rate=seen)
        self._notes.append(f"not shrunk: it failed in only {seen} re-runs; the recorded history is the evidence")
        return True

    def _unconfirmed(self, hurry: float) -> bool:
        what = f"with time bounds scaled by {hurry:g}" if hurry < 1 else "after other plans"
        self._notes.append(f"a smaller plan failed {what}, but not on a fresh server with the real bounds: discarded")
        return False

    def _note_cost(self) -> None:
        self.best = msgspec.structs.replace(
            self.best,
            shrink_seconds=round(self.trials.clock() - self._began, 3),
            executions=self.trials.executions - self._executions,
        )


def shown_by(failure: Failure, attempt: Attempt) -> Failure:
    """The same failure, with this execution as its plan and evidence."""
    finding = attempt.finding(failure.fingerprint)
    assert finding is not None, "an execution can only show what it found"
    others = tuple(f for f in attempt.verdict.violations if f is not finding)
    return msgspec.structs.replace(failure, plan=attempt.plan, history=attempt.history, finding=finding, others=others)


def distinct(plans: tuple[Plan, ...]) -> list[Plan]:
    """Each plan once."""
    return [plan for place, plan in enumerate(plans) if plan not in plans[:place]]
