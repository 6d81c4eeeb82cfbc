"""How often does it fail? Measured repetition: for shrinking, for the rate of a failure, and for ``hubfuzz replay``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log
from typing import Final, Literal

import trio

from fuzzer.campaign.control import Clock
from fuzzer.campaign.failure import Rate
from fuzzer.campaign.runner import Judge, Runner, ServerUnavailable, default_judge
from fuzzer.campaign.trials import Attempt, Trials, decides
from fuzzer.plan import Plan

# To miss a failure of probability p in N runs with probability (1 - p)^N of at most this:
RISK: Final = 0.05
MOST_REPEATS: Final = 25  # finds p = 0.11 with 95 %
STEADY: Final = 5  # so many failures in a row and no success: no need to measure on
MEASURE: Final = 10

Outcome = Literal["FAILED", "FIXED", "ERROR"]


@dataclass(frozen=True)
class Replayed:
    """A measured rate, with the first execution that failed, and the last of all; ``company`` are the other
    fingerprints that each execution showed that failed; ``undecided`` executions say nothing of it, neither way."""

    rate: Rate
    witness: Attempt | None = None
    error: str = ""
    company: frozenset[str] = frozenset()
    last: Attempt | None = None
    undecided: int = 0

    @property
    def decided(self) -> int:
        """So many executions tell whether it is there."""
        return self.rate.runs - self.undecided

    @property
    def outcome(self) -> Outcome:
        """ERROR also if nothing could be run or decided; a failure once seen stays one whatever came after."""
        if self.rate.failed:
            return "FAILED"
        return "ERROR" if self.error or not self.decided else "FIXED"

    @property
    def trouble(self) -> str:
        """Why it is an ERROR, as one line."""
        nothing = "no run could decide it: its invariant had nothing to check, or was inconclusive"
        return self.error or (nothing if self.rate.runs else "it could not be run")

    def __str__(self) -> str:
        return f"{self.outcome} {self.rate}" + (f": {self.error}" if self.error else "")


def repeats(failed: float, runs: float) -> int:
    """After how many clean runs a candidate is given up, if the plan that it would replace failed so often.

    One run is added to the record as a clean one: a short record must not look like certainty.
    """
    chance = failed / (runs + 1)
    if chance <= 0:
        return MOST_REPEATS
    return max(1, min(MOST_REPEATS, ceil(log(RISK) / log(1 - chance))))


async def measure(
    trials: Trials,
    plan: Plan,
    fingerprint: str,
    times: int,
    *,
    hurry: float = 1.0,
    until: float = float("inf"),
    steady: int | None = None,
    least: int = 1,
    on_run: Callable[[Rate], None] = lambda rate: None,
) -> Replayed:
    """Run up to ``times``, and not beyond ``steady`` failures in a row; nor, after ``least`` runs, beyond ``until``
    on the clock."""
    failed = runs = undecided = 0
    witness: Attempt | None = None
    attempt: Attempt | None = None
    company: set[str] = set()
    while runs < times and (runs < least or trials.clock() < until):
        attempt = await trials.run(plan, hurry)
        runs += 1
        undecided += not decides(attempt, fingerprint)
        if attempt.finding(fingerprint):
            failed += 1
            company = company & {*attempt.fingerprints} if witness else {*attempt.fingerprints} - {fingerprint}
            witness = witness or attempt
        on_run(Rate(failed, runs))
        if steady is not None and failed == runs == steady:
            break
    return Replayed(Rate(failed, runs), witness, company=frozenset(company), last=attempt, undecided=undecided)


async def replay(
    runner: Runner,
    plan: Plan,
    fingerprint: str,
    times: int = 20,
    *,
    seconds: float | None = None,
    clock: Clock = trio.current_time,
    judge: Judge | None = None,
    on_run: Callable[[Rate], None] = lambda rate: None,
) -> Replayed:
    """Does the plan still fail in this way? Runs at least once, then stops after ``seconds``. A dead server is told."""
    seen = Rate(0, 0)

    def note(rate: Rate) -> None:
        nonlocal seen
        seen = rate
        on_run(rate)

    trials = Trials(runner, judge or default_judge(), clock)
    until = float("inf") if seconds is None else clock() + seconds
    try:
        return await measure(trials, plan, fingerprint, times, until=until, on_run=note)
    except ServerUnavailable as error:
        return Replayed(seen, error=str(error))
