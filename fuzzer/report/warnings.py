"""What makes a result weaker than it looks. Each warning has an exact trigger and is one line."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.campaign.doubts import TOO_MANY_DOUBTS, TOO_MANY_SKIPS
from fuzzer.campaign.options import Result
from fuzzer.campaign.tally import Tally

MANY_REFUSALS = 0.8


def warnings_of(result: Result, has_limit: bool) -> list[str]:
    """All that apply, the gravest first."""
    tally = result.totals.exercise
    return [*_vacuity(result), *_reach(tally, has_limit), *_shares(result, tally)]


def nothing_was_exercised(result: Result) -> str:
    """Why this run proves nothing at all, so that its exit code must not be 0; empty if it proves something."""
    if not result.totals.plans:
        return "no plan was executed"
    if not result.totals.exercise.opens.get("ok"):
        return "no connection was ever opened"
    return "" if result.exercised else "no invariant had anything to check"


def _vacuity(result: Result) -> Iterator[str]:
    nothing = nothing_was_exercised(result)
    if nothing:
        yield f"{nothing}: this run proves nothing"


def _reach(tally: Tally, has_limit: bool) -> Iterator[str]:
    if not tally.opens.get("ok"):
        return
    if not tally.deliveries:
        yield "no message was ever delivered"
    elif tally.ops.get("send") and not tally.pairs and max(tally.opens.values()) < 2:
        yield "no message ever had two live members to go to"
    if has_limit and not tally.at_limit:
        yield "no user ever reached the limit"


def _shares(result: Result, tally: Tally) -> Iterator[str]:
    ops, skipped = sum(tally.ops.values()), sum(tally.skips.values())
    if ops and skipped / ops > TOO_MANY_SKIPS:
        yield f"{skipped / ops:.0%} of the ops were skipped because their connections were refused or had ended"
    attempts = sum(tally.opens.values())
    if attempts and tally.refusals / attempts > MANY_REFUSALS:
        yield f"{tally.refusals / attempts:.0%} of the openings were refused: check auth and limit of the target"
    doubtful = tally.doubtful / max(1, result.totals.plans)
    if doubtful > TOO_MANY_DOUBTS:
        yield f"{doubtful:.0%} of the plans could not be decided in some point: the machine or the hub was too slow"
