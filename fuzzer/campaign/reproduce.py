"""How often does it fail? Measured repetition: for shrinking, for the rate of a failure, and for ``hubfuzz replay``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil, log
from typing import Final, Literal, NamedTuple

import trio

from fuzzer.campaign.control import Clock
from fuzzer.campaign.deciding import decides
from fuzzer.campaign.failure import Rate
from fuzzer.campaign.runner import Judge, Runner, ServerUnavailable, default_judge
from fuzzer.campaign.trials import Attempt, Trials
from fuzzer.history import History
from fuzzer.plan import Plan

# To miss a failure of probability p in N runs with probability (1 - p)^N of at most this:
RISK: Final = 0.05
MOST_REPEATS: Final = 25  # finds p = 0.11 with 95 %
STEADY: Final = 5  # so many failures in a row and no success: no need to measure on
MEASURE: Final = 10

Outcome = Literal["FAILED", "CHANGED", "FIXED", "ERROR"]


class Instead(NamedTuple):
    """A violation of runs that did not fail in the way that was asked for: in how many, and the first of them."""

    runs: int
    attempt: Attempt


@dataclass(frozen=True)
class Replayed:
    """A measured rate, with the first execution that failed, and the last of all; ``company`` are the other
    fingerprints that each execution showed that failed; ``undecided`` executions say nothing of it, neither way.
    ``instead``: what the executions that did not fail in this way violated, by fingerprint."""

    rate: Rate
    witness: Attempt | None = None
    error: str = ""
    company: frozenset[str] = frozenset()
    last: Attempt | None = None
    undecided: int = 0
    instead: Mapping[str, Instead] = field(default_factory=dict)

    @property
    def decided(self) -> int:
        """So many executions tell whether it is there."""
        return self.rate.runs - self.undecided

    @property
    def outcome(self) -> Outcome:
        """ERROR also if nothing could be run or decided; a failure once seen stays one whatever came after.

        CHANGED: what failed in place of it may be the same defect, seen otherwise."""
        if self.rate.failed or self.instead:
            return "FAILED" if self.rate.failed else "CHANGED"
        return "ERROR" if self.error or not self.decided else "FIXED"

    @property
    def trouble(self) -> str:
        """Why it is an ERROR, as one line."""
        nothing = (
            "no run could decide it: its invariant had nothing to check or was inconclusive, "
            "or connections were turned away that had been let in"
        )
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


@dataclass
class Seen:
    """What the executions came to so far."""

    fingerprint: str
    recorded: History | None = None
    failed: int = 0
    runs: int = 0
    undecided: int = 0
    witness: Attempt | None = None
    last: Attempt | None = None
    company: frozenset[str] = frozenset()
    instead: dict[str, Instead] = field(default_factory=dict)

    @property
    def rate(self) -> Rate:
        """So far."""
        return Rate(self.failed, self.runs)

    def note(self, attempt: Attempt) -> None:
        """One more execution."""
        self.runs += 1
        self.last = attempt
        self.undecided += not decides(attempt, self.fingerprint, self.recorded)
        others = frozenset(attempt.fingerprints) - {self.fingerprint}
        if attempt.finding(self.fingerprint):
            self.failed += 1
            self.company = self.company & others if self.witness else others
            self.witness = self.witness or attempt
            return
        for other in attempt.fingerprints:
            before = self.instead.get(other, Instead(0, attempt))
            self.instead[other] = before._replace(runs=before.runs + 1)

    def replayed(self, error: str = "") -> Replayed:
        """All of it."""
        return Replayed(
            self.rate, self.witness, error, self.company, self.last, self.undecided, instead=dict(self.instead)
        )


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
    seen: Seen | None = None,
) -> Replayed:
    """Run up to ``times``, and not beyond ``steady`` failures in a row; nor, after ``least`` runs, beyond ``until``
    on the clock. ``seen`` keeps what there was, should it be broken off."""
    seen = seen or Seen(fingerprint)
    while seen.runs < times and (seen.runs < least or trials.clock() < until):
        seen.note(await trials.run(plan, hurry))
        on_run(seen.rate)
        if steady is not None and seen.failed == seen.runs == steady:
            break
    return seen.replayed()


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
    recorded: History | None = None,
) -> Replayed:
    """Does the plan still fail in this way? Runs at least once, then stops after ``seconds``. A dead server is told.

    ``recorded``: the history that showed the failure; a run in which less was done than there decides nothing."""
    seen = Seen(fingerprint, recorded)
    trials = Trials(runner, judge or default_judge(), clock)
    until = float("inf") if seconds is None else clock() + seconds
    try:
        return await measure(trials, plan, fingerprint, times, until=until, on_run=on_run, seen=seen)
    except ServerUnavailable as error:
        return seen.replayed(str(error))
