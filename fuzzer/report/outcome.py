"""What a replay came to: one line for each stored failure, and the failure as it was seen again."""

from __future__ import annotations

import msgspec
from rich.text import Text

from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.reproduce import Replayed
from fuzzer.report.case import case_of
from fuzzer.report.glyphs import shown
from fuzzer.report.text import Case

COLUMN = 14
_STYLES = {"FAILED": "bold red", "FIXED": "bold green"}


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
