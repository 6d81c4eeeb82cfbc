"""Failures of earlier runs, run again before anything new is tried."""

from __future__ import annotations

from typing import Final

from fuzzer.campaign.events import StoredReplayed
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.ledger import Ledger
from fuzzer.campaign.reproduce import MEASURE, Replayed, Seen, repeats
from fuzzer.campaign.store import Stored
from fuzzer.campaign.trials import Trials

LONGEST: Final = 20.0  # seconds for one of them; all together have what ``Control.for_stored`` says


async def replay_stored(stored: Stored, trials: Trials, ledger: Ledger, end: float) -> None:
    """Run it until it fails, or so often that it would have, or to the ``end`` on the clock, but once in any case; tell
    the outcome, and the ledger if it is found again."""
    failure = stored.failure
    trials.forget()
    met = failure.fingerprint in ledger.failures  # while another was replayed
    until = min(end, trials.clock() + LONGEST)
    seen = Replayed(Rate(1, 1)) if met else await _until_it_fails(trials, failure, until)
    if not seen.rate.failed:
        ledger.expect_no_longer(failure.fingerprint)
    sure = bool(seen.rate.failed) or (not seen.instead and seen.decided >= clean_runs(failure))
    known = failure.fingerprint in ledger.known
    instead = {} if seen.rate.failed else {other: found.runs for other, found in seen.instead.items()}
    path, rate = str(stored.path), seen.rate
    ledger.emit(StoredReplayed(failure.fingerprint, failure.name, path, rate, sure, known, instead))


def clean_runs(failure: Failure) -> int:
    """After so many it counts as gone: the chance to miss it is then 5 % at the rate that was measured."""
    return MEASURE if failure.rate is None else repeats(failure.rate.failed, failure.rate.runs)


async def _until_it_fails(trials: Trials, failure: Failure, until: float) -> Replayed:
    """Once is enough."""
    seen = Seen(failure.fingerprint, failure.history)
    while not seen.failed and seen.runs < clean_runs(failure):
        seen.note(await trials.run(failure.plan))
        if trials.clock() >= until:
            break
    return seen.replayed()
