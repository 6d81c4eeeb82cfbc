"""The bold first steps of a hunt: what the witnesses of the violation did, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fuzzer.campaign.causal import causal_parts
from fuzzer.campaign.duels import duels
from fuzzer.campaign.passes_fewer import MANY_OPS
from fuzzer.campaign.shrink import Shrinker
from fuzzer.history import History
from fuzzer.plan import Plan
from fuzzer.verdict import Finding

SHARE_OF_DUELS: Final = 0.2  # of the time that is left

Shown = tuple[Finding, History]


async def prune(
    shrinker: Shrinker, plan: Plan, first: Shown, shown: Callable[[], Shown | None], clock: Callable[[], float]
) -> None:
    """``first`` is what an execution of ``plan`` showed, and ``shown`` says what one of the best plan so far did."""
    seen: Shown | None = first
    while seen and await _only_witnesses(shrinker, *seen):
        seen = shown()  # it may be about fewer connections now
    if shrinker.best.size() >= MANY_OPS:
        await _duel(shrinker, plan, *first, clock)


async def _only_witnesses(shrinker: Shrinker, finding: Finding, history: History) -> bool:
    for part in causal_parts(shrinker.best, finding, history):
        if await shrinker.try_once(part, "the witnesses' own ops"):
            return True
    return False


async def _duel(shrinker: Shrinker, plan: Plan, finding: Finding, history: History, clock: Callable[[], float]) -> None:
    until = clock() + max(0.0, shrinker.deadline - clock()) * SHARE_OF_DUELS
    for candidate in duels(plan, finding, history):
        if clock() >= until or await shrinker.try_once(candidate, "one op against one message"):
            break
