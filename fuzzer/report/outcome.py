"""What a replay came to: one line for each stored failure, and the failure as it was seen again."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from rich.text import Text

from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.reproduce import Replayed
from fuzzer.hub_failure import failure_of
from fuzzer.report.case import case_of
from fuzzer.report.glyphs import shown
from fuzzer.report.text import Case

COLUMN = 14
_STYLES = {"FAILED": "bold red", "CHANGED": "bold red", "FIXED": "bold green"}


def outcome_line(outcome: str, what: str, rate: Rate | None = None) -> Text:
    """``FAILED 18/20  HF201-3461cc limit-exceeded``."""
    head = outcome if rate is None else f"{outcome} {rate}"
    style = _STYLES.get(outcome, "bold yellow")
    return Text.assemble((f"{head} ".ljust(COLUMN), style), shown(what))


def case_seen_again(failure: Failure, path: str, replayed: Replayed) -> Case | None:
    """The failure with the history of the run that failed now; None if none did."""
    attempt = replayed.witness
    finding = attempt.finding(failure.fingerprint) if attempt else None
    if attempt is None or finding is None:
        return None
    return msgspec.structs.replace(
        case_of(failure, path),
        finding=finding,
        history=attempt.history,
        failed=replayed.rate.failed,
        runs=replayed.rate.runs,
    )


def now_fails_as(instead: Mapping[str, int], runs: int) -> str:
    """``it now fails as HF301-e73d03 in 20 of 20 runs``: it is not fixed, as this may be the same defect."""
    most_first = sorted(instead.items(), key=lambda item: (-item[1], item[0]))
    first, *others = [f"{fingerprint} in {number} of {runs}" for fingerprint, number in most_first]
    return ", ".join((f"it now fails as {first} run{'s' * (runs > 1)}", *others))


def failures_instead(failure: Failure, replayed: Replayed) -> list[Failure]:
    """What the runs showed that did not fail in this way, most frequent first, each with the first run that did."""
    found = []
    for fingerprint, (runs, attempt) in sorted(replayed.instead.items(), key=lambda item: -item[1].runs):
        violations = sorted(attempt.verdict.violations, key=lambda finding: finding.fingerprint != fingerprint)
        shown_now = failure_of(attempt.history, violations, f"replay of {failure.fingerprint}")
        notes = (f"this was a replay of {failure.fingerprint}, which did not fail as it had",)
        rate = Rate(runs, replayed.rate.runs)
        found.append(msgspec.structs.replace(shown_now, rate=rate, notes=notes, target=failure.target, hub=failure.hub))
    return found
