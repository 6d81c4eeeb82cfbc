"""One bug is told once, though it breaks several properties, or one property in several places.

Fingerprints tell apart what can be told apart from one history; whole failures say more. The rules are about failures
of one run, and all of them only ever leave the simpler plan in place of the less simple one:

- *plan*: the very same plan leads to another finding of the same invariant;
- *place*: the same invariant in another kind of group (of a user, of a room) or by another proof (a gap, a silence);
  HF101 and HF102 are one here (a loss is a loss, whether its sender has stayed or left), and so are an end by FIN and
  one by reset. Only if whatever the simpler plan needs besides members and messages is in the other plan, too (a plan
  without any reset cannot fail because of one), and not if that is nothing, and the other plan needs something;
- *company*: each failing replay of the least plan of the one showed the simpler one, too;
- *within*: the least plan of the one holds that of the other, which surely fails. Had it another cause, shrinking would
  have left that out.

The last two hold within a family of invariants alone, and not for a simpler plan of openings and sendings only, which
fails in nearly every plan and explains nothing; to be within, it has to have two ops more, as one (a reset) is in many.

One that can hardly be shown again gives way to one that it stands for, by the first two, if that fails more surely.

This is a guess: two bugs that need the same ops look like one. So nothing is hidden. What is not counted is shown with
the one that it was taken for, with its reason, its own file and its own command, in every output; and once that one is
fixed it is counted again if it still fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from fuzzer.campaign.chances import surety
from fuzzer.campaign.complexity import Complexity, complexity
from fuzzer.campaign.failure import Failure
from fuzzer.campaign.sure import SURE
from fuzzer.campaign.within import within
from fuzzer.plan import Close, Drop, Op, Open, Ping, Plan, Query, Send, Subscribe, Unsubscribe
from fuzzer.values import Value

LEAST_RUNS: Final = 2  # that failed; in one, company may be chance
COMMON: Final = (Open, Send)
NO_CAUSE: Final = (Open, Send, Subscribe, Ping, Query)  # they make members and messages, or ask
FAMILY: Final = 3  # HF1: losses, duplicates, order; HF2: limits; only within a family can one explain another
LOSSES: Final = frozenset({"HF101", "HF102"})
CUT_OFF: Final = frozenset({"reset", "end of stream without a Close frame"})  # it depends on what was still unread
LEAVING: Final = "close or drop"
GROUPS: Final = frozenset({"user", "room", "all"})
PLAN: Final = "the same plan leads to it"
PLACE: Final = "the same property in another place"
COMPANY: Final = "each of its failing replays showed both"
WITHIN: Final = "its plan holds the plan of this one"


class Same(Value):
    """For which failure another was taken, by its fingerprint, and why: one of the rules above."""

    cause: str
    why: str


def taken_for(failures: Iterable[Failure]) -> dict[str, Same]:
    """By fingerprint: which failure is one with which other, that is told in its place."""
    ordered = sorted(failures, key=_rank)
    told: dict[str, Same] = {}
    for place, failure in enumerate(ordered):
        simpler = (other for other in ordered[:place] if other.fingerprint not in told)
        same = next((Same(other.fingerprint, why) for other in simpler if (why := _one(other, failure))), None)
        if same is not None:
            told[failure.fingerprint] = same
    return _surely_told(ordered, told)


def _surely_told(failures: Sequence[Failure], told: dict[str, Same]) -> dict[str, Same]:
    """What can hardly be shown is a poor leader, however simple: the same property in another place may fail always."""
    for cause in failures:
        mine = [f for f in failures if (same := told.get(f.fingerprint)) and same.cause == cause.fingerprint]
        surer = [f for f in mine if told[f.fingerprint].why in (PLAN, PLACE) and surety(f) > surety(cause)]
        if surer and not surety(cause):
            leader = max(surer, key=surety)
            why = told.pop(leader.fingerprint).why
            others = {f.fingerprint: told[f.fingerprint].why for f in mine if f is not leader}
            told |= {known: Same(leader.fingerprint, told_why) for known, told_why in others.items()}
            told[cause.fingerprint] = Same(leader.fingerprint, why)
    return told


def _rank(failure: Failure) -> tuple[bool, Complexity, str]:
    """The simplest first. What was not shrunk says nothing about causes, and comes last."""
    return not failure.shrunk, complexity(failure.plan), failure.fingerprint


def _one(simpler: Failure, failure: Failure) -> str:
    """Why; empty if they are two."""
    if simpler.code == failure.code and simpler.plan == failure.plan:
        return PLAN
    if _property(simpler) == _property(failure) and _may_be_for(simpler, failure):
        return PLACE
    special = sum(not isinstance(op, COMMON) for op in simpler.plan.ops())
    if _family(simpler.code) != _family(failure.code) or not special:
        return ""
    if _always_together(simpler, failure):
        return COMPANY
    return WITHIN if special > 1 and _within(simpler, failure) else ""


def _family(code: str) -> str:
    """What never comes looks like what comes late: HF302 is about deliveries, as all of HF1 are."""
    return "HF1" if code == "HF302" else code[:FAMILY]


def _may_be_for(simpler: Failure, failure: Failure) -> bool:
    """Can the other plan fail because of what the simpler one needs? What needs nothing is no reason for what does."""
    mine, its = needs(simpler.plan), needs(failure.plan)
    return mine <= its and (bool(mine) or not its or not failure.shrunk)


def needs(plan: Plan) -> Counter[str]:
    """The ops of a plan by kind, without those that make members and messages or only ask (where time for shrinking was
    short, some are left); to join a room again is one, too. One way to leave is as good as another: which of them
    shrinking ends with is chance, for most bugs."""
    kinds: Counter[str] = Counter()
    joined: set[tuple[str, str]] = set()
    for op in plan.ops():
        again = isinstance(op, Subscribe) and (op.conn, op.room) in joined
        if again or _leaves(op) or not isinstance(op, NO_CAUSE):
            kinds[LEAVING if _leaves(op) else type(op).__name__.lower()] += 1
        if isinstance(op, Subscribe):
            joined.add((op.conn, op.room))
        elif isinstance(op, Unsubscribe):
            joined.discard((op.conn, op.room))
    return kinds


def _leaves(op: Op) -> bool:
    """Also one that goes as soon as it is let in."""
    return isinstance(op, Close | Drop) or (isinstance(op, Open) and op.abandon == "after-101")


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
