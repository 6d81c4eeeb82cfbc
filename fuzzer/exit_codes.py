"""What the shell is told."""

from __future__ import annotations

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
