"""What makes a result weaker than it looks, in one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from fuzzer.campaign.options import Result
from fuzzer.campaign.tally import Tally

TOO_MANY_SKIPS: Final = 0.3  # of all ops; generation expects refusals, so some are normal
TOO_MANY_DOUBTS: Final = 0.1  # of all plans; and so many of them may be broken off


def warnings_about(result: Result) -> Iterator[str]:
    """Lines for people; none for a campaign that proves as much as it seems to."""
    exercise, plans = result.totals.exercise, result.totals.plans
    if not result.exercised:
        yield "nothing was exercised: no invariant had anything to check, so that nothing was found means nothing"
    elif result.vacuous:
        yield f"{', '.join(result.vacuous)}: had nothing to check in any plan"
    yield from _about_ops(exercise)
    if plans and exercise.doubtful > TOO_MANY_DOUBTS * plans:
        yield f"{exercise.doubtful} of {plans} plans were inconclusive, most often {commonest(exercise.inconclusive)}"
    if exercise.broken_off > TOO_MANY_DOUBTS * plans:
        yield broken_off_line(exercise, plans)


def left_out_line(plan: str) -> str:
    """For people."""
    return f"{plan} is left out: two workers did not survive it"


def commonest(reasons: Mapping[str, int]) -> str:
    """The one with the highest count."""
    return max(reasons, key=lambda reason: reasons[reason], default="nothing known")


def broken_off_line(exercise: Tally, plans: int) -> str:
    """For people: how many, and why."""
    return f"{exercise.broken_off} of {plans} plans were broken off, most often because {commonest(exercise.aborts)}"


def _about_ops(exercise: Tally) -> Iterator[str]:
    ops, skips = sum(exercise.ops.values()), sum(exercise.skips.values())
    if skips > TOO_MANY_SKIPS * ops:
        yield f"{skips} of {ops} ops were skipped, most often because of: {commonest(exercise.skips)}"
    if exercise.opens and not exercise.opens.get("ok"):
        yield f"no connection was ever accepted; most were refused with: {commonest(exercise.opens)}"
    elif exercise.ops.get("send") and not exercise.deliveries:
        yield "messages were sent and none was ever delivered: is [protocol] right?"
