"""At the end of a run each bug is told once; the others are shown with the failures that they were taken for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from fuzzer.campaign.failure import Failure, failure_to_json
from fuzzer.campaign.ledger import AGAIN
from fuzzer.campaign.options import Result
from fuzzer.campaign.same import taken_for
from fuzzer.campaign.store import StoreError, replace_file


def told_once(result: Result) -> Result:
    """The result with the failures to tell; those that were taken for one of them are in ``also`` and say so."""
    same = taken_for(result.failures)
    told = [f for f in result.failures if f.fingerprint not in same]
    also = [
        replace(f, same_as=same[f.fingerprint].cause, same_why=same[f.fingerprint].why)
        for f in result.failures
        if f.fingerprint in same
    ]
    return replace(result, failures=tuple(map(of_its_own, told)), also=tuple(also))


def of_its_own(failure: Failure) -> Failure:
    """It may have been taken for another in an earlier run."""
    return replace(failure, same_as="", same_why="") if failure.same_as else failure


def note_in_files(before: Result, after: Result, paths: Mapping[str, str]) -> None:
    """Write into the file of each failure for which it is taken now, if that has changed. Raises ``StoreError`` at the
    end, for the first that cannot be written."""
    problems = []
    was = {failure.fingerprint: failure.same_as for failure in before.failures}
    for failure in (*after.failures, *after.also):
        path = paths.get(failure.fingerprint, "")
        if path and failure.same_as != was[failure.fingerprint]:
            try:
                _write(Path(path), replace(failure, notes=tuple(note for note in failure.notes if note != AGAIN)))
            except StoreError as error:
                problems.append(error)
    if problems:
        raise problems[0]


def _write(path: Path, failure: Failure) -> None:
    try:
        replace_file(path, failure_to_json(failure))
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from None
