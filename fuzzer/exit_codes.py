"""What the shell is told."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """Named, so that no other number is ever returned."""

    CLEAN = 0
    # The hub broke an invariant, or a replayed failure failed again.
    FAILURES = 1
    # hubfuzz could not do its job: bad input, a target that does not answer, an internal error, or a run in which
    # nothing was exercised, because a green light for nothing is worse than none.
    ERROR = 2
    # Ctrl-C before the end: 128 + SIGINT, as shells count.
    INTERRUPTED = 130


def of_all(codes: Sequence[ExitCode]) -> ExitCode:
    """Of several files, none interrupted: failures count more than errors, as in a run. What is proved stays proved,
    whatever could not be judged or replayed beside it; and who reads only the code must not take it for a bad file."""
    return ExitCode.FAILURES if ExitCode.FAILURES in codes else max(codes)
