"""What makes a result weaker than it looks, in one line each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fuzzer.campaign.options import Result
from fuzzer.campaign.tally import Tally

TOO_MANY_SKIPS: Final = 0.3  # of all ops; generation expects refusals, so some are normal
TOO_MANY_DOUBTS: Final = 0.1  # of all plans


def warnings_about(result: Result) -> Iterator[str]:
    """Lines for people; none for a campaign that proves as much as it seems to."""
    exercise, plans = result.totals.exercise, result.totals.plans
    if not result.exercised:
        yield "nothing was exercised: no invariant had anything to check, so that nothing was found means nothing"
    elif result.vacuous:
        yield f"{', '.join(result.vacuous)}: had nothing to check in any plan"
    yield from _about_ops(exercise)
    if plans and exercise.doubtful > TOO_MANY_DOUBTS * plans:
        worst = max(exercise.inconclusive, key=lambda reason: exercise.inconclusive[reason])
        yield f"{exercise.doubtful} of {plans} plans were inconclusive, most often {worst}"


def left_out_line(plan: str) -> str:
    """For people."""
    return f"{plan} is left out: two workers did not survive it"


def _about_ops(exercise: Tally) -> Iterator[str]:
    ops, skips = sum(exercise.ops.values()), sum(exercise.skips.values())
    if skips > TOO_MANY_SKIPS * ops:
        worst = max(exercise.skips, key=lambda reason: exercise.skips[reason])
        yield f"{skips} of {ops} ops were skipped, most often because of: {worst}"
    if exercise.opens and not exercise.opens.get("ok"):
        worst = max(exercise.opens, key=lambda outcome: exercise.opens[outcome])
        yield f"no connection was ever accepted; most were refused with: {worst}"
    elif exercise.ops.get("send") and not exercise.deliveries:
        yield "messages were sent and none was ever delivered: is [protocol] right?"
