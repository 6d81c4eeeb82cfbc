"""A failure is handed over as a plan that shows it whenever it is run, if one hardly larger than the least does.

What fails in four runs of five on a quiet machine fails in one of five on a busy one, and then a replay calls it fixed.
Such a failure may hang on a fence that the driver sends by itself: said as an op of its own, after all the rest is
quiet, the same message shows it every time. Or shrinking has slipped from a bug that always shows to a race beside it
that breaks the same property: then the search is begun again where it was still sure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from fuzzer.campaign.amplify import neighbours, slower
from fuzzer.campaign.changes import with_batches
from fuzzer.campaign.failure import Rate
from fuzzer.campaign.symbols import tidy
from fuzzer.campaign.trials import Trials
from fuzzer.plan import Batch, Close, Drop, Open, Plan, Send, Subscribe

SURE: Final = 0.9  # 18 of 20
LOOKS: Final = 20
CLEAN: Final = 2  # of these may be clean
MORE_OPS: Final = 2  # so much larger a plan may be for the sake of failing every time


def surer_than(rate: Rate | None) -> float:
    """What share of its runs another plan must fail in to be handed over in place of one with this rate.

    Half of the clean runs are enough: on a busy machine hardly anything fails nearly every time, and what is left there
    may be a race of the busy machine alone, which no other can replay."""
    return min(SURE, (1 + (rate.share if rate else 0.0)) / 2)


def surer(plan: Plan, way: Iterable[Plan], size: int = 0) -> Iterator[Plan]:
    """What may fail more often than ``plan``: pauses in it, a message after it, other orders of it; then plans on the
    way to it, and these with a message after them (a malformed frame, say, is surer and less plain than a reset)."""
    told, most = [tidy(plan)], plan.size() + MORE_OPS
    near = sorted((p for p in way if p.size() <= most), key=Plan.size)
    after = (longer for p in near if p.size() < most for longer in followed(p, size))
    calm = (slower(longer) for longer in followed(plan, size))
    for candidate in chain([slower(plan)], followed(plan, size), calm, neighbours(plan), near, after):
        if (tidied := tidy(candidate)) not in told:
            told.append(tidied)
            yield tidied


def followed(plan: Plan, size: int = 0) -> Iterator[Plan]:
    """The plan, and when all is quiet one message more, of this size: of each connection that has not left."""
    opened = [op.conn for op in plan.ops() if isinstance(op, Open) and not op.abandon]
    left = {op.conn for op in plan.ops() if isinstance(op, Close | Drop)}
    room = next((op.room for op in plan.ops() if isinstance(op, Subscribe)), None)
    for conn in opened:
        if conn not in left:
            message = Send(conn, f"after.{conn}", size=size, room=room)
            yield with_batches(plan, (*plan.batches, Batch(ops=(message,))))


async def first_sure(
    trials: Trials, fingerprint: str, candidates: Iterable[Plan], until: float, hurry: float = 1.0
) -> Plan | None:
    """The first that fails in nearly all of its runs; None if none does until then (on the clock of ``trials``)."""
    for candidate in candidates:
        if await _is_sure(trials, fingerprint, candidate, until, hurry):
            return candidate
    return None


async def last_sure(
    trials: Trials, fingerprint: str, way: Sequence[Plan], until: float, hurry: float = 1.0
) -> Plan | None:
    """How far the way to the least plan is sure, found by halves; None if not even its first plan is."""
    good, bad = -1, len(way)
    while bad - good > 1:
        middle = 0 if good < 0 else (good + bad) // 2
        if await _is_sure(trials, fingerprint, way[middle], until, hurry):
            good = middle
        else:
            bad = middle
            if good < 0:
                return None
    return way[good]


async def _is_sure(trials: Trials, fingerprint: str, plan: Plan, until: float, hurry: float) -> bool:
    """What is slow gets half of the looks: it is replayed with the real time bounds before it is handed over."""
    looks, allowed = (LOOKS, CLEAN) if hurry >= 1 else (LOOKS // 2, CLEAN // 2)
    clean = 0
    for _ in range(looks):
        if trials.clock() >= until:
            return False
        attempt = await trials.run(plan, hurry)
        clean += attempt.finding(fingerprint) is None
        if clean > allowed:
            return False
    return True
