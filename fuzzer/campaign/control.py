"""When a campaign ends: every stopping rule in one object."""

from __future__ import annotations

from collections.abc import Callable

from fuzzer.campaign.options import Options, StopReason

Clock = Callable[[], float]


class Control:
    """Knows the budgets and what happened, and says whether to go on. ``interrupt`` may be called at any time."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._begin = clock()
        self._asleep = 0.0
        self._plans = 0
        self._failures = 0
        self._interrupted = False
        self._unavailable = ""
        self._exhausted = False
        self._cancel: Callable[[], object] = lambda: None

    # ---- what happens ----------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """The user wants to stop: now, not after the plan."""
        self._interrupted = True
        self._cancel()

    def when_interrupted(self, cancel: Callable[[], object]) -> None:
        """Call this to end the plan that is running; at once if the interruption was earlier."""
        self._cancel = cancel
        if self._interrupted:
            cancel()

    def server_unavailable(self, why: str) -> None:
        """No further plan can be executed."""
        self._unavailable = why

    def plan_executed(self) -> None:
        """One more plan of the exploration."""
        self._plans += 1

    def failures_found(self, total: int) -> None:
        """So many distinct fingerprints up to now."""
        self._failures = total

    def plans_exhausted(self) -> None:
        """There is nothing left to execute."""
        self._exhausted = True

    def exclude(self, seconds: float) -> None:
        """Time that does not count against ``seconds``: shrinking has a budget of its own."""
        self._asleep += seconds

    # ---- what follows ----------------------------------------------------------------------------------------------

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning, all in all."""
        return self._clock() - self._begin

    @property
    def explored(self) -> float:
        """Seconds spent on exploration."""
        return self.elapsed - self._asleep

    @property
    def for_stored(self) -> float:
        """Seconds that are left to run stored failures again: half of a night is for what is new, however many."""
        options = self._options
        budgets = [seconds for seconds in (options.seconds, options.ceiling) if seconds is not None]
        most = min(budgets, default=float("inf")) / 2 if options.stored_seconds is None else options.stored_seconds
        return most - self.explored

    @property
    def ceiling(self) -> float:
        """The moment on the clock at which everything ends; infinite without a ceiling."""
        return float("inf") if self._options.ceiling is None else self._begin + self._options.ceiling

    @property
    def may_shrink(self) -> bool:
        """Shrinking outlives the budgets of the exploration, but not these."""
        return not (self._interrupted or self._unavailable or self._clock() >= self.ceiling)

    @property
    def may_explore(self) -> bool:
        """Is another plan to be executed? The first one always is."""
        reason = self.stopped()
        return reason is None or (self._plans == 0 and reason[0] in ("time", "plans"))

    def stopped(self) -> tuple[StopReason, str] | None:
        """The reason that counts most among those that hold now, with a line for people."""
        return next((reason for reason in self._reasons() if reason), None)

    def _reasons(self) -> tuple[tuple[StopReason, str] | None, ...]:
        options = self._options
        return (
            # The user's word counts more than any budget that ran out in the same moment.
            ("interrupted", "interrupted") if self._interrupted else None,
            # A dead server explains why fewer plans ran than asked for: a budget must not hide it.
            ("server-unavailable", self._unavailable) if self._unavailable else None,
            # The user asked to look no further than this many.
            ("failure-limit", f"found {_count(self._failures, 'failure')}, the most that was asked for")
            if options.max_failures is not None and self._failures >= options.max_failures
            else None,
            # The ceiling is for who pays for the machine: it includes shrinking.
            ("time", f"the ceiling of {options.ceiling:g} s is reached")
            if options.ceiling is not None and self._clock() >= self.ceiling
            else None,
            ("time", f"{options.seconds:g} s are over")
            if options.seconds is not None and self.explored >= options.seconds
            else None,
            ("plans", f"{_count(self._plans, 'plan')} executed, as asked for")
            if options.plans is not None and self._plans >= options.plans
            else None,
            ("done", "all plans are executed") if self._exhausted else None,
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
