"""Some plans a second time with one racing pair swapped: the nearest other schedule, for one execution more.

What a plan led up to (a full hub, a half-closed tab) is there already, and only the order of the two that race differs;
to draw the same situation again by chance would take far longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from random import Random
from typing import Final

from msgspec.structs import replace

from fuzzer.plan import Batch, Op, Open, Plan
from fuzzer.plan_rules import normalise, problems
from strategies.pairs import races

TWIN_IN: Final = 10  # plans that have a racing pair
MOST_IN: Final = 5  # one twin to so many plans at most
PATIENT: Final = 0.5  # seconds: what waits for longer costs as much as a dozen other plans

Couple = tuple[int, int, int]


def with_twins(plans: Sequence[Plan], seed: str) -> Iterator[Plan]:
    """All plans, some of them followed by the same plan with one racing pair swapped."""
    random, left = Random(seed), len(plans) // MOST_IN
    for plan in plans:
        yield plan
        if not left or random.randrange(TWIN_IN) or _is_slow(plan):
            continue
        if (twin := swapped(plan, random)) is not None:
            left -= 1
            yield twin


def _is_slow(plan: Plan) -> bool:
    return plan.cycles > 1 or any(batch.wait > PATIENT or batch.restart for batch in plan.batches)


def most_with_twins(plans: int) -> int:
    """So many plans become at most so many."""
    return plans + plans // MOST_IN


def swapped(plan: Plan, random: Random) -> Plan | None:
    """The plan with two racing ops of one batch exchanged; None if it has none, or nothing sensible comes of it."""
    couples = list(_couples(plan))
    if not couples:
        return None
    number, first, second = random.choice(couples)
    batches = list(plan.batches)
    batches[number] = _exchanged(batches[number], first, second)
    twin = normalise(replace(plan, batches=tuple(batches)))
    return None if problems(twin) or twin == normalise(plan) else twin


def _couples(plan: Plan) -> Iterator[Couple]:
    """Number of the batch and places of two ops in it that race."""
    for number, touches in enumerate(races(plan)):
        for (i, one), (j, other) in combinations(enumerate(touches), 2):
            if one.meets(other) and not _alike(plan.batches[number].ops[i], plan.batches[number].ops[j]):
                yield number, i, j


def _alike(one: Op, other: Op) -> bool:
    """Two openings that only their names tell apart: exchanged they are the same plan."""
    return isinstance(one, Open) and isinstance(other, Open) and replace(one, conn=other.conn) == other


def _exchanged(batch: Batch, first: int, second: int) -> Batch:
    ops: list[Op] = list(batch.ops)
    ops[first], ops[second] = ops[second], ops[first]
    return replace(batch, ops=tuple(ops))
