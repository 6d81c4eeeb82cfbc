"""Shrinking a plan that fails with some probability: greedy passes to a fixpoint, with measured repetition.

A candidate is accepted at its first failure *with the same fingerprint*: invariants are sound, so one failure is
proof and no majority is needed (only a first failure that comes suspiciously late is looked at again). It is rejected
after N clean runs, where N follows from how often the present best plan fails.
Accepting at the first failure favours lucky plans. So when the passes have nothing more to propose, the result is
measured, and if it fails too rarely, the search goes back to the last plan on the way that does not.
Whatever is accepted is less complex than what it replaces, and what was gone back from stays rejected: the search ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from fuzzer.campaign.complexity import complexity
from fuzzer.campaign.passes import PASSES, Pass
from fuzzer.campaign.reproduce import MEASURE, STEADY, measure, repeats
from fuzzer.campaign.symbols import tidy
from fuzzer.campaign.trials import Attempt, Trials
from fuzzer.plan import Plan
from fuzzer.plan_ranges import at_least

RAREST: Final = 0.1  # below this, what shrinking needs is luck, and what it would end with is rarer still
RARER: Final = 0.5  # with fewer ops it may fail this much less often than what the search began with
AS_OFTEN: Final = 0.8  # with as many ops it must fail about as often as what it replaces: plainness is worth less
LOOKS: Final = 3
FADING: Final = 0.7  # how much of the record of a plan speaks for the plan that replaced it


class BudgetSpent(Exception):
    """The time for this shrinking is over; the best plan so far stands."""


@dataclass
class Evidence:
    """How often the best plan fails, as far as is known."""

    failed: float = 0.0
    runs: float = 0.0

    @property
    def share(self) -> float:
        """The estimated probability."""
        return self.failed / self.runs if self.runs else 0.0

    def succeed(self, failed: int, runs: int) -> None:
        """A simpler plan took over: what was known fades, what it did itself counts."""
        self.failed = self.failed * FADING + failed
        self.runs = self.runs * FADING + runs


@dataclass
class Shrinker:
    """One hunt for one fingerprint, until ``deadline`` on the clock of ``trials``.

    ``evidence`` is of ``best`` at the beginning: no plan is taken for good that fails less than ``rarer`` times as
    often. ``steady``: so many failures in a row and no success are measurement enough; ``looks``: so often a plan
    without fewer ops must have been run. ``witness`` is an execution of an accepted plan, mostly of the best;
    ``steady_plans`` were measured on the way, or stood at the beginning; ``accepted`` are all plans on the way.
    ``least_size``: no smaller message is proposed.
    """

    trials: Trials
    fingerprint: str
    best: Plan
    evidence: Evidence
    deadline: float
    hurry: float = 1.0
    on_step: Callable[[Plan, str], None] = lambda plan, by: None
    steady: int = STEADY
    looks: int = LOOKS
    rarer: float = RARER
    least_size: int = 0
    spent: bool = False
    witness: Attempt | None = None
    steady_plans: list[Plan] = field(default_factory=list)
    accepted: list[Plan] = field(default_factory=list)
    _last: Attempt | None = None

    def __post_init__(self) -> None:
        self.steady_plans.append(self.best)
        self._floor = max(RAREST, self.evidence.share * self.rarer)
        self._way = [self.best]  # accepted plans since the last that is known to be steady, which is the first

    async def shrink(self, passes: tuple[tuple[str, Pass], ...] = PASSES) -> Plan:
        """The simplest plan that was found to fail in the same way, and not too rarely."""
        try:
            while True:
                before = self.best
                for name, proposals in passes:
                    await self._exhaust(name, proposals)
                if self.best == before and len(self._way) == 1:
                    break
                await self._settle()
        except BudgetSpent:
            self.spent = True
        return self.best

    async def try_once(self, candidate: Plan, by: str) -> bool:
        """Offer one plan; True if it is the best one now."""
        try:
            return await self._offer(candidate, by)
        except BudgetSpent:
            self.spent = True
            return False

    # ---- one pass --------------------------------------------------------------------------------------------------

    async def _exhaust(self, name: str, proposals: Pass) -> None:
        """Go through what the pass proposes; after a success go on at the same place of the new proposals."""
        place = 0
        while True:
            proposed = list(proposals(self.best))
            accepted = False
            while place < len(proposed) and not accepted:
                accepted = await self._offer(proposed[place], name)
                place += not accepted
            if not accepted:
                return

    async def _offer(self, proposal: Plan, by: str) -> bool:
        candidate = tidy(at_least(proposal, self.least_size))
        if not candidate.batches or complexity(candidate) >= complexity(self.best):
            return False
        if not await self._fails(candidate):
            return False
        self._accept(candidate)
        self.on_step(candidate, by)
        return True

    def _accept(self, candidate: Plan) -> None:
        record = self.trials.record(candidate, self.hurry)
        self.best = candidate
        self._way.append(candidate)
        self.accepted.append(candidate)
        self.witness = self._last if self._last and self._last.plan == candidate else self.witness
        self.evidence.succeed(record.failed[self.fingerprint], record.runs)

    async def _fails(self, candidate: Plan) -> bool:
        """Run until the first failure or until enough clean runs; the memo counts as runs of now."""
        record = self.trials.record(candidate, self.hurry)
        needed = repeats(self.evidence.failed, self.evidence.runs)
        while not record.failed[self.fingerprint]:
            if record.clean(self.fingerprint) >= needed or record.runs >= 2 * needed:
                return False
            await self._run(candidate)
        return await self._not_much_rarer(candidate)

    async def _not_much_rarer(self, candidate: Plan) -> bool:
        """A first failure late in a row of clean runs smells of luck: look again before a steady plan is given up.

        Fewer ops are better only as long as the failure can still be shown; one failure at once is enough for them, and
        two if the first took more than one run.
        """
        record = self.trials.record(candidate, self.hurry)
        fewer = candidate.size() < self.best.size()
        late = fewer and record.runs > 1
        least = self._floor if fewer else max(self._floor, self.evidence.share * AS_OFTEN)
        while not fewer and record.runs < self.looks and record.share(self.fingerprint) >= least:
            await self._run(candidate)
        while late and record.failed[self.fingerprint] < 2 and record.share(self.fingerprint) >= least:
            await self._run(candidate)
        if record.failed[self.fingerprint] < self.looks and record.share(self.fingerprint) < least:
            await self._run_until(candidate, min(record.runs + STEADY, MEASURE))
        return record.share(self.fingerprint) >= least

    async def _run_until(self, candidate: Plan, runs: int) -> None:
        while self.trials.record(candidate, self.hurry).runs < runs:
            await self._run(candidate)

    async def _run(self, candidate: Plan) -> None:
        self._check_time()
        attempt = await self.trials.run(candidate, self.hurry)
        if attempt.finding(self.fingerprint):
            self._last = attempt

    def _check_time(self) -> None:
        if self.trials.clock() >= self.deadline:
            raise BudgetSpent

    # ---- between rounds ----------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Make sure that the best plan fails often enough; else go back on the way that led to it, by halves."""
        way, good, bad = self._way, 0, len(self._way)
        while bad - good > 1:
            middle = len(way) - 1 if bad == len(way) else (good + bad) // 2
            if await self._is_steady(way[middle]):
                good = middle
            else:
                bad = middle
        if way[good] != self.best:
            self.best = way[good]
            self.on_step(self.best, "going back to what fails more often")
        self.steady_plans.append(self.best)
        self._way = [self.best]

    async def _is_steady(self, plan: Plan) -> bool:
        record = self.trials.record(plan, self.hurry)
        failed, runs = record.failed[self.fingerprint], record.runs
        if failed == runs >= self.steady:
            return True
        self._check_time()
        steady = self.steady - failed if failed == runs else None
        seen = await measure(
            self.trials, plan, self.fingerprint, MEASURE, hurry=self.hurry, until=self.deadline, steady=steady
        )
        self.evidence.succeed(seen.rate.failed, seen.rate.runs)
        return record.share(self.fingerprint) >= self._floor
