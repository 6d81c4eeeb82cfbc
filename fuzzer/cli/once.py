"""At the end of a run each bug is told once; the files of the other failures say for which one they were taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from fuzzer.campaign.failure import Failure, failure_to_json
from fuzzer.campaign.ledger import AGAIN
from fuzzer.campaign.options import Result
from fuzzer.campaign.same import taken_for
from fuzzer.campaign.store import replace_file
from fuzzer.cli.errors import CliError, reason_of


def told_once(result: Result, paths: Mapping[str, str]) -> tuple[Result, tuple[str, ...]]:
    """The result with the failures to tell, and a line for each of the others. Raises ``CliError``."""
    same = taken_for(result.failures)
    lines = []
    for failure in result.failures:
        _mark(failure, same.get(failure.fingerprint, ""), paths.get(failure.fingerprint, ""))
        if failure.fingerprint in same:
            lines.append(f"{failure.fingerprint} {failure.name} is not counted: taken for {same[failure.fingerprint]}")
    told = tuple(failure for failure in result.failures if failure.fingerprint not in same)
    return msgspec.structs.replace(result, failures=told), tuple(lines)


def _mark(failure: Failure, same_as: str, path: str) -> None:
    """Also that it is one of its own again, once that is so."""
    if failure.same_as == same_as or not path:
        return
    marked = msgspec.structs.replace(failure, same_as=same_as, notes=tuple(n for n in failure.notes if n != AGAIN))
    try:
        replace_file(Path(path), failure_to_json(marked))
    except OSError as error:
        raise CliError(f"--failures: {path}: cannot be written: {reason_of(error)}") from None
