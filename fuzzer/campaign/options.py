"""What a campaign is asked to do, and what it hands back."""

from __future__ import annotations

from typing import Any, Literal

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.tally import Tally
from fuzzer.values import Value

StopReason = Literal["interrupted", "server-unavailable", "failure-limit", "time", "plans", "done"]


class Options(Value):
    """Budgets and choices. All times are in seconds.

    ``seconds`` and ``plans`` bound exploration (None: no bound; whatever they say, one plan always runs);
    ``shrink_seconds`` is a budget of its own for each failure (twice that where an execution takes seconds);
    ``ceiling`` ends everything, shrinking included. ``max_failures`` counts distinct fingerprints; those in ``known``
    are counted but neither stored nor shrunk. ``hurry`` scales the hub's time bounds while a failure that needs time
    is shrunk. ``stored_seconds`` bounds running stored failures again (None: half of what there is in all).
    ``workers``: processes that explore side by side; ``seconds`` then counts while any of them explores.
    """

    seconds: float | None = 30.0
    plans: int | None = None
    seed: int = 0
    max_failures: int | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    shrink_seconds: float = 30.0
    replay_times: int = 20
    hurry: float = 0.1
    ceiling: float | None = None
    workers: int = 1
    stored_seconds: float | None = None


class Subject(Value):
    """What was fuzzed, as raw JSON without secrets: the target, and the seeded bug and knobs of the embedded hub."""

    name: str = ""
    target: dict[str, Any] = {}
    hub: dict[str, Any] = {}


class Totals(Value):
    """What a campaign did. ``executions`` counts the runs for shrinking too; ``exercise`` is exploration alone."""

    plans: int = 0
    scenarios: int = 0
    executions: int = 0
    seconds: float = 0.0
    restarts: int = 0
    exercise: Tally = Tally()
    met: dict[str, int] = {}


class Result(Value):
    """The end of a campaign. ``vacuous``: invariants that applied and had nothing to check.

    ``exercised`` is False if no invariant had anything to check: then a clean result means nothing. ``also``: further
    failures that were taken for one of ``failures``, as their ``same_as`` says. ``left_out``: names of plans that broke
    hubfuzz itself, twice.
    """

    stop_reason: StopReason
    why: str
    totals: Totals = Totals()
    failures: tuple[Failure, ...] = ()
    vacuous: tuple[str, ...] = ()
    exercised: bool = False
    seed: int = 0
    also: tuple[Failure, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def violated(self) -> tuple[str, ...]:
        """Every fingerprint that was met, also what is known or not counted: no invariant of theirs held."""
        found = (failure.fingerprint for failure in (*self.failures, *self.also))
        return tuple(dict.fromkeys((*found, *self.totals.met)))
