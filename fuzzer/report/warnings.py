"""What makes a result weaker than it looks. Each warning has an exact trigger and is one line."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.campaign.doubts import TOO_MANY_DOUBTS, TOO_MANY_SKIPS, broken_off_line, commonest, left_out_line
from fuzzer.campaign.options import Result
from fuzzer.campaign.tally import LARGE, Tally

MANY_REFUSALS = 0.8
MOST_DOUBTS = 0.5
"""With more undecided plans than this share a run has not done its job (SPEC 3)."""
MOST_BROKEN_OFF = 0.8
"""With more plans than this share broken off it has not, either: what they were drawn for was left out."""
NEVER_OPENED = "no connection was ever opened"
NOTHING_TO_CHECK = "no invariant had anything to check"
ENOUGH_LARGE = 10
ENOUGH_PLANS = 10
"""From so many plans on, shares of them say something."""


def warnings_of(result: Result, has_limit: bool) -> list[str]:
    """All that apply, the gravest first."""
    tally = result.totals.exercise
    left_out = map(left_out_line, result.left_out)
    return [*_vacuity(result), *left_out, *_reach(tally, has_limit), *_shares(result, tally)]


def nothing_was_exercised(result: Result) -> str:
    """Why this run proves nothing, or too little, so that its exit code must not be 0; empty if it did its job."""
    if not result.totals.plans:
        return "no plan was executed"
    if not result.totals.exercise.opens.get("ok"):
        return NEVER_OPENED
    if not result.exercised:
        return NOTHING_TO_CHECK
    return _too_little(result.totals.plans, result.totals.exercise)


def nothing_in(plans: int, tally: Tally) -> str:
    """The same of plans of one's own: that all they open is refused may be what they are for, as with bad tokens."""
    if tally.entitled and tally.turned_away == tally.entitled and not tally.deliveries:
        return NEVER_OPENED
    return _too_little(plans, tally) if tally.exercised else NOTHING_TO_CHECK


def _too_little(plans: int, tally: Tally) -> str:
    """Of a few plans, each with some doubt, something is proved as long as messages came: any of them may be due to a
    machine that was busy just then. Not so of doubts that time had no part in, if no plan is without."""
    silent = bool(tally.ops.get("send")) and not tally.deliveries
    if _mostly_broken_off(plans, tally):
        return broken_off_line(tally, plans)
    many = tally.doubtful > MOST_DOUBTS * plans and (silent or plans >= ENOUGH_PLANS)
    if many or tally.unsettled >= max(1, plans):
        worst = commonest(tally.inconclusive)
        return f"{tally.doubtful} of {plans} plans could not be decided, most often because of {worst}"
    if silent and plans >= ENOUGH_PLANS:
        return "messages were sent and none was ever delivered"
    return _shut(plans, tally)


def _shut(plans: int, tally: Tally) -> str:
    """A limit that is declared refuses many, but nobody who had to be let in."""
    if plans < ENOUGH_PLANS or tally.turned_away <= MANY_REFUSALS * tally.entitled:
        return ""
    share = tally.turned_away / tally.entitled
    return f"{share:.0%} of the openings were turned away, neither by a declared limit nor for a bad token"


def _mostly_broken_off(plans: int, tally: Tally) -> bool:
    """The deadline of a fence passes only while the hub answers others, and a busy machine has more than twice as much
    time: that each of a few plans was broken off is the hub's doing, or the target file's."""
    return tally.broken_off > MOST_BROKEN_OFF * plans if plans >= ENOUGH_PLANS else tally.broken_off >= max(1, plans)


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
    elif tally.large >= ENOUGH_LARGE and not tally.large_delivered:
        yield (
            f"none of {tally.large} messages of {LARGE:,} characters and more was ever delivered: "
            "declare policy.max_size, or a policy.backlog that they surely fit into"
        )
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
        worst = commonest(tally.inconclusive)
        yield f"{doubtful:.0%} of the plans could not be decided in some point, most often because of {worst}"
    if tally.broken_off > TOO_MANY_DOUBTS * result.totals.plans:
        yield _about_broken_off(tally, result.totals.plans)


def _about_broken_off(tally: Tally, plans: int) -> str:
    return (
        f"the rest of {tally.broken_off / max(1, plans):.0%} of the plans was left out, because short messages that "
        "hubfuzz sends in between did not come to all: does the hub send nothing to some open connections (those that "
        "it evicts must be closed), or refuse messages (the same body again, short ones)?"
    )
