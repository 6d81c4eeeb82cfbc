"""A failure as an argument: Given, When, Then, But. The words of every report, whatever draws them.

The shape is Elle's: what was promised follows from named events, and one more event contradicts it.
"""

from __future__ import annotations

from fuzzer.plan import Batch, Open, Plan, Subscribe
from fuzzer.report.glyphs import shown
from fuzzer.report.op_words import batch_words, op_sentence
from fuzzer.values import Value
from fuzzer.verdict import Finding

MOST_CLAUSES = 12
_LINKS = {
    "instant": "at once ",
    "turn": "one loop turn later ",
    "1ms": "1 ms later ",
    "fence": "",
}


class Story(Value):
    """Clauses of the setting and of the action; what was expected, what was observed."""

    given: tuple[str, ...]
    when: tuple[str, ...]
    then: str
    but: str


def story_of(plan: Plan, finding: Finding) -> Story:
    """The argument of a finding; long plans are told by their first steps."""
    given, when = _split(plan)
    return Story(
        given=_told([*_clauses(given), *_names(plan), *_cycles(plan)]),
        when=_told(_clauses(when)),
        then=shown(finding.expected, 600),
        but=shown(finding.observed, 600),
    )


def _split(plan: Plan) -> tuple[list[Batch], list[Batch]]:
    """Setting and action: openings and subscriptions that come first, one by one, are the setting."""
    at = 0
    for batch in plan.batches[:-1]:
        calm = (batch.after == "fence" or at == 0) and not batch_words(batch)
        if not (calm and all(isinstance(op, Open | Subscribe) for op in batch.ops)):
            break
        at += 1
    return list(plan.batches[:at]), list(plan.batches[at:])


def _clauses(batches: list[Batch]) -> list[str]:
    return [_LINKS[b.after] * (i > 0) + _together(b) for i, b in enumerate(batches)]


def _together(batch: Batch) -> str:
    first, *others = (op_sentence(op) for op in batch.ops)
    said = first if not others else f"{first}, and in the same instant {', then '.join(others)}"
    special = batch_words(batch)
    return f"{said} ({special})" if special else said


def _cycles(plan: Plan) -> list[str]:
    return [f"all of it {plan.cycles} times, each with fresh users"] if plan.cycles > 1 else []


def _names(plan: Plan) -> list[str]:
    return [f'{shown(user, 20)} is really called "{shown(name, 80)}"' for user, name in plan.names.items()]


def _told(clauses: list[str]) -> tuple[str, ...]:
    if len(clauses) <= MOST_CLAUSES:
        return tuple(clauses)
    kept = clauses[: MOST_CLAUSES - 1]
    return (*kept, f"(and {len(clauses) - len(kept)} more steps, drawn below)")
