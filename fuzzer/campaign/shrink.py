"""Shrinking a plan that fails with some probability: greedy passes to a fixpoint, with measured repetition.

A candidate is accepted at its first failure *with the same fingerprint*: invariants are sound, so one failure is
proof and no majority is needed (only a first failure that comes suspiciously late is looked at again). It is rejected
after N clean runs, where N follows from how often the present best plan fails.
Whatever is accepted is less complex than what it replaces, so the search ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from fuzzer.campaign.complexity import complexity
from fuzzer.campaign.passes import PASSES, Pass, conns_of, keep
from fuzzer.campaign.reproduce import MEASURE, STEADY, measure, repeats
from fuzzer.campaign.symbols import tidy
from fuzzer.campaign.trials import Attempt, Trials
from fuzzer.history import History, OpenInv
from fuzzer.plan import Plan
from fuzzer.verdict import Finding

RAREST: Final = 0.1  # below this, what shrinking needs is luck, and what it would end with is rarer still
SURE: Final = 0.8  # a record as good as this needs no new measurement
RARER: Final = 0.6  # a simpler plan may fail this much less often than the one that it replaces
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

    ``witness`` is an execution of an accepted plan, mostly of the best; ``steady_plans`` were measured on the way.
    """

    trials: Trials
    fingerprint: str
    best: Plan
    evidence: Evidence
    deadline: float
    hurry: float = 1.0
    on_step: Callable[[Plan, str], None] = lambda plan, by: None
    spent: bool = False
    witness: Attempt | None = None
    steady_plans: list[Plan] = field(default_factory=list)
    _last: Attempt | None = None

    async def shrink(self, passes: tuple[tuple[str, Pass], ...] = PASSES) -> Plan:
        """The simplest plan that was found to fail in the same way, and not too rarely."""
        self.steady_plans.append(self.best)
        try:
            while True:
                before = self.best
                for name, proposals in passes:
                    await self._exhaust(name, proposals)
                if self.best == before or not await self._still_steady():
                    break
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
        candidate = tidy(proposal)
        if not candidate.batches or complexity(candidate) >= complexity(self.best):
            return False
        if not await self._fails(candidate):
            return False
        record = self.trials.record(candidate, self.hurry)
        self.best = candidate
        self.witness = self._last if self._last and self._last.plan == candidate else self.witness
        self.evidence.succeed(record.failed[self.fingerprint], record.runs)
        self.on_step(candidate, by)
        return True

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

        Simpler is better only as long as it still can be shown; a plan with one failure at once is taken as it is.
        """
        record = self.trials.record(candidate, self.hurry)
        wanted = self.evidence.share * RARER
        if record.failed[self.fingerprint] == 1 and record.failed[self.fingerprint] / record.runs < wanted:
            for _ in range(STEADY):
                await self._run(candidate)
        return record.failed[self.fingerprint] / record.runs >= wanted

    async def _run(self, candidate: Plan) -> None:
        self._check_time()
        attempt = await self.trials.run(candidate, self.hurry)
        if attempt.finding(self.fingerprint):
            self._last = attempt

    def _check_time(self) -> None:
        if self.trials.clock() >= self.deadline:
            raise BudgetSpent

    # ---- between rounds ----------------------------------------------------------------------------------------------

    async def _still_steady(self) -> bool:
        """Accepting at the first failure favours lucky plans: measure, and go back if the best hardly ever fails."""
        if self.evidence.share >= SURE:
            self.steady_plans.append(self.best)
            return True
        self._check_time()
        seen = await measure(
            self.trials, self.best, self.fingerprint, MEASURE, hurry=self.hurry, until=self.deadline, steady=STEADY
        )
        if seen.rate.share < RAREST and seen.rate.runs == MEASURE:
            self.best = self.steady_plans[-1]
            return False
        self.evidence = Evidence(seen.rate.failed, seen.rate.runs)
        self.steady_plans.append(self.best)
        return True


def causal_part(plan: Plan, finding: Finding, history: History) -> Plan | None:
    """Only what the witnesses' users did; None if that leaves nothing, or everything."""
    owners = {event.conn: event.user for event in history.events if isinstance(event, OpenInv)}
    users = {owners[conn] for conn in finding.conns if conn in owners}
    conns = conns_of(plan, users)
    part = tidy(keep(plan, lambda place, op: op.conn in conns))
    return part if 0 < part.size() < plan.size() else None
