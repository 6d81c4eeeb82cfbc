"""From a failure as it was found to the one that is shown: measure, shrink, confirm, and measure the rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Final

import msgspec

from fuzzer.campaign.amplify import Amplified, amplified, neighbours, slower
from fuzzer.campaign.causal import in_company, users_of, witnessed_batches
from fuzzer.campaign.changes import conns_of, distinct
from fuzzer.campaign.complexity import complexity
from fuzzer.campaign.duels import duels
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.haste import AFFORDABLE, hurries, patience, worth_pauses
from fuzzer.campaign.options import Options
from fuzzer.campaign.passes import FEWER, PASSES
from fuzzer.campaign.prune import prune
from fuzzer.campaign.reproduce import MEASURE, STEADY, Replayed, measure
from fuzzer.campaign.shrink import AS_OFTEN, LOOKS, RARER, RAREST, Evidence, Shrinker
from fuzzer.campaign.sure import MORE_OPS, SURE, first_sure, last_sure, surer, surer_than
from fuzzer.campaign.symbols import tidy
from fuzzer.campaign.trials import Attempt, Trials, shown_by
from fuzzer.history import History
from fuzzer.plan import Plan
from fuzzer.plan_ranges import smallest_size
from fuzzer.verdict import Finding

SHARE_OF_REPLAY: Final = 0.2  # of the shrink budget, on top of it
LEAST_REPLAYS: Final = 3  # however long they take
SHARE_OF_AMPLIFYING: Final = 0.3  # of the time that is left
SHARE_OF_SURER: Final = 0.5  # of the time that is then left
SHARE_OF_HUNT: Final = 0.7  # of the shrink budget at most; the rest is for making sure of the result
FREQUENT: Final = 0.5  # from here on it costs less to shrink the plan as it stands, and no record can be much better
STEADY_AND_SLOW: Final = 3
STAGES: Final = (FEWER, PASSES, PASSES)  # the last only if the second ended with what fails too rarely

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
    _way: list[Plan] = field(default_factory=list)
    _began: float = 0.0
    _cost: float = 0.0
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
        await self.trials.fresh(f"{self.best.fingerprint} is shrunk on a fresh server")
        end, deadline = self._share_of_budget(1), self._share_of_budget(SHARE_OF_HUNT)
        for hurry in hurries(self.seconds, self.options):
            if self.trials.clock() >= deadline or await self._shrink(hurry, deadline):
                break
        if self.best.rate is None:
            await self._rate_of(self.best.plan)
        await self._make_sure(max(end, self._share_of_budget(1 - SHARE_OF_HUNT)))
        self.best = msgspec.structs.replace(self.best, shrunk=True, notes=tuple(dict.fromkeys(self._notes)))
        self._note_cost()
        return self.best

    def _share_of_budget(self, share: float) -> float:
        """When a part of the budget that begins now is over."""
        seconds = self.options.shrink_seconds * share * patience(self.seconds)
        return min(self.trials.clock() + seconds, self.ceiling)

    def _part(self, deadline: float, share: float) -> float:
        """When a part of the time that is left is over."""
        now = self.trials.clock()
        return now + max(0.0, deadline - now) * share

    async def _shrink(self, hurry: float, deadline: float) -> bool:
        """One hunt with this scale of time; True if the result is final."""
        self._cost = self.seconds
        seen = await self._measure(hurry, deadline)
        self._cost = seen.witness.seconds if seen.witness else self.seconds
        start = calm = await self._calmer(seen, hurry, deadline)
        if start.rate.share < FREQUENT:
            start = await self._amplify(start, hurry, deadline)
        if start.rate.share < RAREST:
            return self._too_rare(seen.rate, hurry)
        smallest = await self._hunt(start, hurry, deadline)
        as_it_was = (self.best.plan, calm.plan)  # with pauses it is no simpler
        for plan in distinct((*smallest, start.plan)):
            if plan not in as_it_was and await self._rate_of(plan):
                return True
        return smallest[0] in as_it_was or self._unconfirmed(hurry)

    async def _measure(self, hurry: float, deadline: float) -> Amplified:
        """How often does it fail? A single failure in ten says too little, so that doubles the effort."""
        fingerprint, plan = self.best.fingerprint, self.best.plan
        failed = runs = 0
        witness: Attempt | None = None
        for _ in range(2):
            seen = await measure(
                self.trials, plan, fingerprint, MEASURE, hurry=hurry, until=deadline, steady=self._steady
            )
            failed, runs, witness = failed + seen.rate.failed, runs + seen.rate.runs, witness or seen.witness
            if failed != 1 or runs < MEASURE:
                break
        return Amplified(plan, Rate(failed, runs), witness)

    @property
    def _steady(self) -> int:
        """An execution that waits for time bounds costs as much as ten others, and is not a race."""
        return STEADY_AND_SLOW if self._cost > AFFORDABLE else STEADY

    async def _calmer(self, known: Amplified, hurry: float, deadline: float) -> Amplified:
        """With pauses, if it then fails no less: smaller plans are quicker, and would miss what needs a little time.

        A short record says little, so pauses are tried whatever it says where executions are slow anyway."""
        plan = tidy(slower(known.plan))
        certain = known.rate.share >= SURE and not worth_pauses(self.seconds, known.witness)
        if certain or plan == tidy(known.plan):
            return known
        seen = await measure(
            self.trials, plan, self.best.fingerprint, MEASURE, hurry=hurry, until=deadline, steady=self._steady
        )
        if not seen.rate.failed or seen.rate.share < known.rate.share:
            return known
        self._step(plan, "pauses")
        return Amplified(plan, seen.rate, seen.witness)

    async def _amplify(self, known: Amplified, hurry: float, deadline: float) -> Amplified:
        """A neighbour of the plan that fails more often, if there is one; within a part of the time that is left."""
        shown = self._shown(known.plan, known.witness)
        least = duels(known.plan, *shown) if shown else ()
        candidates = chain(least, neighbours(known.plan, *self._suspects(known.plan, known.witness)))
        part = self._part(deadline, SHARE_OF_AMPLIFYING)
        found = await amplified(self.trials, self.best.fingerprint, known, candidates, hurry, part)
        if found.plan != known.plan:
            fewer = found.plan.size() < known.plan.size()
            self._step(found.plan, "one op against one message" if fewer else "another order of release")
        return found

    def _suspects(self, plan: Plan, witness: Attempt | None) -> tuple[set[int], set[str] | None]:
        """The batches and connections that an execution of this plan says the failure is about."""
        shown = self._shown(plan, witness)
        if shown is None:
            return set(), None
        return witnessed_batches(*shown), conns_of(plan, users_of(*shown))

    def _shown(self, plan: Plan, witness: Attempt | None) -> tuple[Finding, History] | None:
        """The finding and its history, of an execution of this very plan."""
        best = self.best
        if witness and witness.plan == plan and (finding := witness.finding(best.fingerprint)):
            return in_company(finding, witness.verdict.violations), witness.history
        return (in_company(best.finding, best.others), best.history) if best.history.plan == plan else None

    async def _hunt(self, start: Amplified, hurry: float, deadline: float) -> tuple[Plan, Plan]:
        """First to fewer ops, then to plainer ones, each time from what fails more often, if that is hardly larger.

        Returns the smallest plan of the last shrinking, and the smallest that was measured.
        """
        rarer = RARER
        for stage in STAGES:
            shrinker = self._shrinker = self._shrinker_of(start, hurry, deadline, rarer)
            await self._prune(shrinker, start)
            smallest = await shrinker.shrink(stage)
            self._way += shrinker.accepted
            if shrinker.spent:
                self._notes.append("the time for shrinking was over before nothing simpler was left to try")
                break
            start, rarer = await self._steadier(shrinker, hurry, deadline), AS_OFTEN
            if stage == PASSES and start.plan == smallest:
                break
        return smallest, shrinker.steady_plans[-1]

    async def _prune(self, shrinker: Shrinker, start: Amplified) -> None:
        if first := self._shown(start.plan, start.witness):
            best = partial(self._shown_by_best, shrinker)
            await prune(shrinker, start.plan, first, best, self.trials.clock)

    def _shown_by_best(self, shrinker: Shrinker) -> tuple[Finding, History] | None:
        return self._shown(shrinker.best, shrinker.witness)

    async def _steadier(self, shrinker: Shrinker, hurry: float, deadline: float) -> Amplified:
        """The smallest plan if nothing fails more often: not another order of it, nor a plan on the way to it that has
        hardly more ops."""
        evidence, smallest = shrinker.evidence, shrinker.best
        known = Amplified(smallest, Rate(round(evidence.failed), round(evidence.runs)), shrinker.witness)
        if evidence.share >= FREQUENT:
            return known
        near = [p for p in reversed(shrinker.accepted) if p.size() <= smallest.size() + MORE_OPS and p != smallest]
        candidates = [other for plan in (smallest, *near) for other in (plan, *neighbours(plan))][1:]
        part = self._part(deadline, SHARE_OF_AMPLIFYING)
        found = await amplified(self.trials, self.best.fingerprint, known, distinct(candidates), hurry, part)
        if found.plan != smallest:
            self._step(found.plan, "what fails more often")
        return found

    def _shrinker_of(self, start: Amplified, hurry: float, deadline: float, rarer: float) -> Shrinker:
        return Shrinker(
            trials=self.trials,
            fingerprint=self.best.fingerprint,
            best=start.plan,
            evidence=Evidence(start.rate.failed, start.rate.runs),
            deadline=deadline,
            hurry=hurry,
            on_step=self._step,
            steady=self._steady,
            looks=1 if self._cost > AFFORDABLE else LOOKS,
            rarer=rarer,
            least_size=smallest_size(self.best.original, self.best.history.policy.min_size),
        )

    def _step(self, plan: Plan, by: str) -> None:
        self.on_step(plan, by, self.trials.executions - self._executions, self.trials.clock() - self._began)

    # ---- the end -----------------------------------------------------------------------------------------------------

    async def _rate_of(self, plan: Plan) -> bool:
        """Replay with the real time bounds; if it fails, this plan and its history are the failure."""
        replayed = await self._replayed(plan)
        if replayed.witness is not None or plan == self.best.plan:
            self._adopt(replayed)
        return replayed.witness is not None

    async def _replayed(self, plan: Plan) -> Replayed:
        until = min(self.trials.clock() + self.options.shrink_seconds * SHARE_OF_REPLAY, self.ceiling)
        await self.trials.fresh(f"{self.best.fingerprint} is replayed on a fresh server")
        times = self.options.replay_times
        least = min(times, LEAST_REPLAYS)
        return await measure(self.trials, plan, self.best.fingerprint, times, until=until, least=least)

    def _adopt(self, replayed: Replayed) -> None:
        if replayed.witness is not None:
            self.best = shown_by(self.best, replayed.witness)
        company = tuple(sorted(replayed.company))
        self.best = msgspec.structs.replace(self.best, rate=replayed.rate, company=company)

    async def _make_sure(self, deadline: float) -> None:
        """If the least plan fails too rarely to be handed over, one hardly larger that does not, if there is one."""
        least, rate = self.best.plan, self.best.rate
        confirmed = least != self.best.original
        if not self._way or (confirmed and rate is not None and rate.share >= SURE):
            return
        most = least.size() + MORE_OPS if confirmed else least.size() - 1
        hurry, fingerprint = next(hurries(self.seconds, self.options)), self.best.fingerprint
        near = surer(least, self._way, self.best.history.policy.min_size) if confirmed else ()
        start = await first_sure(self.trials, fingerprint, near, self._part(deadline, SHARE_OF_SURER), hurry)
        if start and await self._handed_over(start, most, hurry, deadline):
            return
        if start := await last_sure(self.trials, fingerprint, (self.best.original, *self._way), deadline, hurry):
            await self._handed_over(start, most, hurry, deadline)

    async def _handed_over(self, start: Plan, most: int, hurry: float, deadline: float) -> bool:
        """Shrink it without losing a failure, and take the result if it really is about as sure as it looks."""
        hunt = self._shrinker_of(Amplified(start, Rate(MEASURE, MEASURE)), hurry, deadline, SURE)
        least = surer_than(self.best.rate)
        for plan in distinct((await hunt.shrink(), start)):
            if plan.size() <= most and (replayed := await self._replayed(plan)).rate.share >= least:
                self._step(plan, "what fails more often")
                self._adopt(replayed)
                return True
        return False

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
