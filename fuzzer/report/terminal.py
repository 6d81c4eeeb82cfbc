"""A campaign in the terminal while it runs: a live line where one can be drawn, appended lines where not."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.live import Live
from rich.text import Text

from fuzzer.campaign import events as e
from fuzzer.campaign.doubts import warnings_about
from fuzzer.campaign.failure import Failure
from fuzzer.campaign.ledger import AGAIN
from fuzzer.campaign.tally import Tally
from fuzzer.plan import Plan
from fuzzer.report.case import case_of
from fuzzer.report.glyphs import shown
from fuzzer.report.layout import plural, wrapped
from fuzzer.report.matrix import brief
from fuzzer.report.outcome import now_fails_as
from fuzzer.report.screen import Screen
from fuzzer.report.text import describe

REDRAW_EVERY = 0.2
LINE_EVERY = 5.0
Clock = Callable[[], float]


class TerminalReport:
    """Handler of campaign events. ``tick`` is called a few times a second, so that time is seen to pass.

    ``verbose``: each plan, each refusal. Nothing is decided here; use it as a context, which ends the live line.
    """

    def __init__(self, screen: Screen, *, verbose: bool = False, clock: Clock = time.monotonic) -> None:
        self._screen = screen
        self._verbose = verbose
        self._clock = clock
        self._begin = self._drawn = clock()
        self._plans = 0
        self._tally = Tally()
        self._last_failure: float | None = None
        self._failures = 0
        self._doing = ""
        self._warnings: list[str] = []
        self._live: Live | None = None
        self._told: dict[str, Plan] = {}

    def __enter__(self) -> TerminalReport:
        if self._screen.live:
            self._live = Live(console=self._screen.console, transient=True, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, event: e.CampaignEvent) -> None:
        if isinstance(event, e.Warned):
            self._warnings.append(event.text)
        elif isinstance(event, e.Finished):
            self._finished(event)
        else:
            self._warn()
            self._happened(event)
        self.tick()

    def _happened(self, event: e.CampaignEvent) -> None:
        match event:
            case e.Started():
                self._started(event)
            case e.StoredReplayed():
                self._replayed(event)
            case e.PlanExecuted():
                self._executed(event)
            case e.FailureFound():
                self._found(event.failure)
            case e.ShrinkStep():
                self._doing = f"shrinking {event.fingerprint}: {plural(event.size, 'op')}"
            case e.FailureShrunk():
                self._shrunk(event.failure, event.path)
            case e.ServerRestarted():
                self._screen.say(f"server restarted: {shown(event.reason)}")

    def _finished(self, event: e.Finished) -> None:
        """What is said about the result as a whole, the summary says."""
        said = set(warnings_about(event.result))
        self._warnings = [text for text in self._warnings if text not in said]
        self._warn()

    def _warn(self) -> None:
        for text in self._warnings:
            self._screen.say_all(wrapped("warning: ", shown(text), self._screen.width, "yellow", "yellow"))
        self._warnings = []

    def tick(self) -> None:
        """Show that time passes: redraw the live line, or append one every few seconds."""
        now = self._clock()
        if now - self._drawn < (REDRAW_EVERY if self._live else LINE_EVERY):
            return
        self._drawn = now
        if self._live is not None:
            self._live.update(Text(self.status(), style="cyan", no_wrap=True, overflow="ellipsis"), refresh=True)
        elif not self._verbose:
            self._screen.say(self.status())

    def status(self) -> str:
        """Elapsed, plans a second, ops, obligations, failures, and how long ago the last new one came."""
        now = self._clock()
        elapsed = now - self._begin
        parts = [
            f"{elapsed:.0f} s",
            plural(self._plans, "plan") + (f" ({self._plans / elapsed:.0f}/s)" if elapsed > 0 else ""),
            f"{brief(sum(self._tally.ops.values()))} ops",
            f"{brief(sum(self._tally.obligations.values()))} checks",
            self._failure_words(now),
        ]
        return ", ".join([*parts, self._doing] if self._doing else parts)

    def _failure_words(self, now: float) -> str:
        if not self._failures:
            return "no failures yet"
        if self._last_failure is None:
            return f"{plural(self._failures, 'failure')} of earlier runs"
        return f"{plural(self._failures, 'failure')}, last new one {now - self._last_failure:.0f} s ago"

    def _started(self, event: e.Started) -> None:
        options = event.options
        budget = [f"{options.seconds:g} s"] if options.seconds is not None else []
        budget += [plural(options.plans, "plan")] if options.plans is not None else []
        workers = f" with {options.workers} workers" if options.workers > 1 else ""
        self._screen.say(
            f"hubfuzz: fuzzing {shown(event.subject.name, 80)} for {' or '.join(budget) or 'as long as it takes'}"
            f"{workers}, seed {options.seed}"
        )

    def _replayed(self, event: e.StoredReplayed) -> None:
        """A stored failure that fails again is one of this run, though none that is new."""
        self._failures += bool(event.rate.failed and not event.known)
        again = "still fails, as is known" if event.known else "still fails: found again"
        said = again if event.rate.failed else f"no longer fails ({event.rate})"
        if not event.rate.failed and event.instead:
            said = f"no longer fails in that way: {now_fails_as(event.instead, event.rate.runs)}"
        elif not event.rate.failed and not event.sure:
            said = f"has not failed again ({event.rate}), which is too little to tell"
        line = f"{event.fingerprint} {event.name} of an earlier run {said}"
        self._screen.say_all(wrapped("", line, self._screen.width))

    def _executed(self, event: e.PlanExecuted) -> None:
        self._plans += 1
        self._tally = self._tally.plus(event.tally)
        self._doing = ""
        if self._verbose:
            self._screen.say(plan_line(event))

    def _found(self, failure: Failure) -> None:
        self._failures += AGAIN not in failure.notes
        self._last_failure = self._clock()
        self._doing = f"shrinking {failure.fingerprint}"
        where = f"{failure.origin}, " if failure.origin else ""
        line = f"{failure.fingerprint} {failure.name}: {shown(failure.finding.summary)}"
        self._screen.say_all(wrapped(f"{self._screen.glyphs.broken} ", line, self._screen.width, "red", "red"))
        self._screen.say(f"  {where}{plural(failure.plan.size(), 'op')}; to be shrunk")

    def _shrunk(self, failure: Failure, path: str) -> None:
        self._doing = ""
        if failure.same_as and AGAIN in failure.notes:
            line = f"{failure.fingerprint} {failure.name} was taken for {failure.same_as} before"
            self._screen.say_all(wrapped("  ", line, self._screen.width))
            return
        if self._told.get(failure.fingerprint) == failure.plan:
            line = f"{failure.fingerprint} {failure.name} was met in another plan, which shows it no better"
            self._screen.say_all(wrapped("  ", line, self._screen.width))
            return
        self._told[failure.fingerprint] = failure.plan
        self._screen.say()
        self._screen.say_all(describe(case_of(failure, path), self._screen.width, self._screen.glyphs))
        self._screen.say()


def plan_line(event: e.PlanExecuted) -> str:
    """One plan in one line: number, origin, ops, time, outcome, refusals, skips."""
    if event.violated:
        outcome = f"violated {', '.join(event.violated)}"
    else:
        outcome = f"undecided {', '.join(event.inconclusive)}" if event.inconclusive else "ok"
    refused = [f"{n} {how}" for how, n in event.tally.opens.items() if how != "ok"]
    parts = [f"plan {event.number}: {event.size} ops", f"{event.seconds:.3f} s", outcome]
    parts += [f"refused: {', '.join(refused)}"] if refused else []
    skipped = sum(event.tally.skips.values())
    parts += [f"{skipped} skipped"] if skipped else []
    parts += [f"broken off: {', '.join(event.tally.aborts)}"] if event.tally.aborts else []
    origin = f" ({shown(event.origin, 60)})" if not event.origin.startswith("plan") else ""
    return ", ".join(parts) + origin
