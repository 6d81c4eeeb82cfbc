"""One bug is told once, though it breaks several properties, or one property in several places.

Fingerprints tell apart what can be told apart from one history; whole failures say more. Two rules, both about failures
of one run, and both only ever leave the simpler plan in place of the less simple one:

- *place*: the same invariant in another kind of group (of a user, of a room) or by another proof (a gap, a silence);
  HF101 and HF102 are one here: a loss is a loss, whether its sender has stayed or left; so are an end by FIN and one by
  reset, and what the very same plan leads to;
- *company*: each replay of the least plan of the one failed in the other way, too. Had it another cause than the other,
  shrinking would have left that other's out. (Not if the other needs no more than openings and sendings: what fails in
  nearly every plan keeps company with everything.)

This is a guess, so nothing is lost: the file of the failure that is not told stays, it names the one that it was taken
for, and once that one is fixed it is told again if it still fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fuzzer.campaign.complexity import Complexity, complexity
from fuzzer.campaign.failure import Failure
from fuzzer.plan import Open, Send

LEAST_RUNS: Final = 3  # that failed; in fewer, company may be chance
COMMON: Final = (Open, Send)
FAMILY: Final = 3  # HF1: losses, duplicates, order; HF2: limits; only within a family can one explain another
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
    return _same_property(simpler, failure) or _always_together(simpler, failure)


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
    if failure.rate is None or failure.rate.failed < LEAST_RUNS:
        return False
    if all(isinstance(op, COMMON) for op in simpler.plan.ops()):
        return False
    return simpler.fingerprint in failure.company and simpler.code[:FAMILY] == failure.code[:FAMILY]
