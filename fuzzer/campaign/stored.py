"""Failures of earlier runs, run again before anything new is tried."""

from __future__ import annotations

from typing import Final

from fuzzer.campaign.events import StoredReplayed
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.ledger import Ledger
from fuzzer.campaign.reproduce import MEASURE, repeats
from fuzzer.campaign.store import Stored
from fuzzer.campaign.trials import Trials, decides

LONGEST: Final = 20.0  # seconds for one of them: a night with a hundred stored failures still explores


async def replay_stored(stored: Stored, trials: Trials, ledger: Ledger, ceiling: float) -> None:
    """Run it until it fails, or so often that it would have; tell the outcome, and the ledger if it is found again."""
    failure = stored.failure
    trials.forget()
    met = failure.fingerprint in ledger.failures  # while another was replayed
    until = min(ceiling, trials.clock() + LONGEST)
    rate, decided = (Rate(1, 1), 1) if met else await _until_it_fails(trials, failure, until)
    if not rate.failed:
        ledger.expect_no_longer(failure.fingerprint)
    sure = bool(rate.failed) or decided >= clean_runs(failure)
    known = failure.fingerprint in ledger.known
    ledger.emit(StoredReplayed(failure.fingerprint, failure.name, str(stored.path), rate, sure, known))


def clean_runs(failure: Failure) -> int:
    """After so many it counts as gone: the chance to miss it is then 5 % at the rate that was measured."""
    return MEASURE if failure.rate is None else repeats(failure.rate.failed, failure.rate.runs)


async def _until_it_fails(trials: Trials, failure: Failure, until: float) -> tuple[Rate, int]:
    """How often it ran, and how many of these runs could tell whether it is there."""
    decided = 0
    for runs in range(1, clean_runs(failure) + 1):
        attempt = await trials.run(failure.plan)
        decided += decides(attempt, failure.fingerprint)
        if attempt.finding(failure.fingerprint):
            return Rate(1, runs), decided
        if trials.clock() >= until:
            break
    return Rate(0, runs), decided
