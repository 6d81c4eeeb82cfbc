"""One bug is told once, though it breaks several properties, or one property in several places.

Fingerprints tell apart what can be told apart from one history; whole failures say more. Three rules, all about
failures of one run, and all only ever leave the simpler plan in place of the less simple one:

- *place*: the same invariant in another kind of group (of a user, of a room) or by another proof (a gap, a silence);
  HF101 and HF102 are one here: a loss is a loss, whether its sender has stayed or left; so are an end by FIN and one by
  reset, and what the very same plan leads to;
- *company*: each replay of the least plan of the one failed in the other way, too;
- *within*: the least plan of the one holds that of the other, which surely fails.

Had it another cause than the other, shrinking would have left that other's out. What needs no more than openings and
sendings fails in nearly every plan and explains nothing; what needs but one op more (a reset) is within too many.

This is a guess, so nothing is lost: the file of the failure that is not told stays, it names the one that it was taken
for, and once that one is fixed it is told again if it still fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fuzzer.campaign.complexity import Complexity, complexity
from fuzzer.campaign.failure import Failure
from fuzzer.campaign.within import within
from fuzzer.plan import Open, Send

LEAST_RUNS: Final = 3  # that failed; in fewer, company may be chance
COMMON: Final = (Open, Send)
FAMILY: Final = 3  # HF1: losses, duplicates, order; HF2: limits; only within a family can one explain another
SURE: Final = 0.9
LOSSES: Final = frozenset({"HF101", "HF102"})
CUT_OFF: Final = frozenset({"reset", "end of stream without a Close frame"})  # it depends on what was still unread
GROUPS: Final = frozenset({"user", "room", "all"})


def taken_for(failures: Iterable[Failure]) -> dict[str, str]:
    """By fingerprint: which failure is one with which other, that is told in its place."""
    ordered = sorted(failures, key=_rank)
    told: dict[str, str] = {}
    for place, failure in enumerate(ordered):
        simpler = (other for other in ordered[:place] if other.fingerprint not in told)
        cause = next((other for other in simpler if _one(other, failure)), None)
        if cause is not None:
            told[failure.fingerprint] = cause.fingerprint
    return told


def _rank(failure: Failure) -> tuple[bool, Complexity, str]:
    """The simplest first. What was not shrunk says nothing about causes, and comes last."""
    return not failure.shrunk, complexity(failure.plan), failure.fingerprint


def _one(simpler: Failure, failure: Failure) -> bool:
    if _same_property(simpler, failure):
        return True
    special = sum(not isinstance(op, COMMON) for op in simpler.plan.ops())
    if simpler.code[:FAMILY] != failure.code[:FAMILY] or not special:
        return False
    return _always_together(simpler, failure) or (special > 1 and _within(simpler, failure))


def _same_property(simpler: Failure, failure: Failure) -> bool:
    same_plan = simpler.code == failure.code and simpler.plan == failure.plan
    return same_plan or _property(simpler) == _property(failure)


def _property(failure: Failure) -> tuple[str, str]:
    """Code and key, without what is only the place in which it shows."""
    code, key = failure.code, failure.finding.key
    if key.rpartition(":")[2] in GROUPS:
        return ("HF101" if code in LOSSES else code), ""
    return code, "cut off" if key in CUT_OFF else key


def _always_together(simpler: Failure, failure: Failure) -> bool:
    often = failure.rate is not None and failure.rate.failed >= LEAST_RUNS
    return often and simpler.fingerprint in failure.company


def _within(simpler: Failure, failure: Failure) -> bool:
    sure = simpler.rate is not None and simpler.rate.share >= SURE
    return sure and failure.shrunk and within(simpler.plan, failure.plan)
