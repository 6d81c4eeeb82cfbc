"""The report files of ``hubfuzz replay``: each failure as it was seen again, or what came in place of it."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.reproduce import Replayed
from fuzzer.campaign.store import Stored
from fuzzer.cli.options import kinds_of_report
from fuzzer.cli.reports import prepare, write_all
from fuzzer.report.files import FOR_EACH_FAILURE, files_of_failure
from fuzzer.report.outcome import failures_instead


class ReplayFiles:
    """Tried before anything is run. Raises ``CliError``."""

    def __init__(self, listed: str | None, folder: Path) -> None:
        self._kinds = kinds_of_report(listed, FOR_EACH_FAILURE)
        self._folder = folder
        if self._kinds:
            prepare(folder, ("pytest",))  # the page of a run in it stays: it is of another day

    def write(self, stored: Stored, replayed: Replayed | None) -> list[Path]:
        """The files of what was seen of a failure; none if nothing failed. Raises ``CliError``."""
        return [path for seen in seen_now(stored.failure, replayed) for path in self._write(seen, stored)]

    def _write(self, seen: Failure, stored: Stored) -> list[Path]:
        files = [
            (own_name(name, seen, stored), text)
            for name, text in files_of_failure(self._kinds, seen, str(stored.path), self._folder)
        ]
        return [self._folder / name for name in write_all(self._folder, files)]


def own_name(name: str, seen: Failure, stored: Stored) -> str:
    """The name of a report, with the number of a file that lies beside another target's failure of this fingerprint."""
    number = re.fullmatch(re.escape(seen.fingerprint) + r"-(\d+)", stored.path.stem)
    if number is None:
        return name
    stem, _, ending = name.rpartition(".")
    return f"{stem}_{number[1]}.{ending}"


def seen_now(failure: Failure, replayed: Replayed | None) -> list[Failure]:
    """The failure with the history and the rate of now, or all that the runs showed instead."""
    if replayed is not None and replayed.outcome == "CHANGED":
        return failures_instead(failure, replayed)
    again = seen_again(failure, replayed)
    return [again] if again else []


def seen_again(failure: Failure, replayed: Replayed | None) -> Failure | None:
    """With the history of the run that failed now, and the rate of now; None if none failed."""
    attempt = replayed.witness if replayed else None
    finding = attempt.finding(failure.fingerprint) if attempt else None
    if replayed is None or attempt is None or finding is None:
        return None
    return msgspec.structs.replace(failure, finding=finding, history=attempt.history, rate=replayed.rate)
