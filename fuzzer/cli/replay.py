"""``hubfuzz replay``: does a stored failure still fail, and how often?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from fuzzer.cli.errors import CliError, complain, one_line, reason_of, unexpected
from fuzzer.exit_codes import ExitCode, of_all

if TYPE_CHECKING:
    from fuzzer.campaign.failure import Failure, Rate
    from fuzzer.campaign.reproduce import Replayed
    from fuzzer.campaign.store import Stored
    from fuzzer.cli.replay_files import ReplayFiles
    from fuzzer.report.screen import Screen
    from fuzzer.report.text import Case
    from fuzzer.target.model import Target

BUSY = "how often a race shows may hang on how busy the machine is"


@dataclass(frozen=True)
class ReplayOptions:
    """What was asked for; ``bug`` is for failures of the embedded hub, ``none`` is the hub without one."""

    what: str
    times: int
    target: Path | None
    url: str | None
    bug: str | None
    allow_host: tuple[str, ...]
    trace: bool
    failures: Path
    report: str | None
    report_dir: Path
    prune: bool = False


@dataclass
class Measured:
    """What a replay came to: ``end`` is None if it was interrupted, and ``rate`` what was measured until then."""

    end: Replayed | None = None
    rate: Rate | None = None

    def note(self, tell: Callable[[Rate], None]) -> Callable[[Rate], None]:
        """Keep each rate, and pass it on."""

        def noted(rate: Rate) -> None:
            self.rate = rate
            tell(rate)

        return noted


@click.command()
@click.argument("what", metavar="FILE|FOLDER|CODE")
@click.option(
    "--times", type=click.IntRange(min=1), metavar="N", default=20, show_default=True, help="How often to run each."
)
@click.option("--trace", is_flag=True, help="Print every event of the run that failed, or of the last, and the log.")
@click.option("--prune", is_flag=True, help="Remove the files of failures that are surely fixed.")
@click.option(
    "--target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take this target file instead of the stored target.",
)
@click.option("--url", metavar="URL", help="Replay against a server that already runs here.")
@click.option("--bug", metavar="CODE", help="Embedded hub: with this seeded bug instead, or with none.")
@click.option("--allow-host", multiple=True, metavar="HOST", help="Allow a host that is not this machine (repeatable).")
@click.option(
    "--failures",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=".hubfuzz/failures",
    show_default=True,
    help="Where a CODE is looked up.",
)
@click.option("--report", metavar="KINDS", help="Write what was seen of each failure: html, pytest (comma-separated).")
@click.option(
    "--report-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=".hubfuzz/reports",
    show_default=True,
    help="Where reports go.",
)
def replay(**given: Any) -> ExitCode:
    """Run stored failures again: FAILED n/N, CHANGED 0/N, FIXED 0/N, or ERROR.

    CHANGED: other failures came in place of it, which may be the same defect. Exits with 1 if any failed, in whatever
    way, with 2 if any could not be replayed or decided, else with 0.
    """
    from fuzzer.cli.replay_files import ReplayFiles
    from fuzzer.report.screen import Screen

    options = ReplayOptions(**given)
    if options.prune and (options.bug or options.url or options.target):
        raise CliError("--prune: what is fixed on another server is not fixed; leave out --bug, --url and --target")
    files = ReplayFiles(options.report, options.report_dir)
    stored, problems = _find(options)
    screen = Screen()
    codes = []
    for item in stored:
        codes.append(_replay_one(screen, item, options, files))
        if codes[-1] == ExitCode.INTERRUPTED:
            complain("interrupted")
            return ExitCode.INTERRUPTED
    codes += [_error(screen, line.partition(": ")[0], line) for line in problems]
    return of_all(codes)


def _find(options: ReplayOptions) -> tuple[tuple[Stored, ...], tuple[str, ...]]:
    from fuzzer.campaign.store import FailureStore, StoreError

    try:
        if Path(options.what).is_dir():
            store = FailureStore(Path(options.what))
            stored = store.all()
            if not stored and not store.problems:
                raise CliError(f"{options.what}: no failure file in this folder")
            return stored, store.problems
        return FailureStore(options.failures).find(options.what), ()
    except StoreError as error:
        raise CliError(str(error)) from None


def _replay_one(screen: Screen, stored: Stored, options: ReplayOptions, files: ReplayFiles) -> ExitCode:
    failure = stored.failure
    try:
        replayed = _run(screen, failure, target_for(failure, options), options)
    except Exception as error:
        why = one_line(error) or unexpected(error)  # one that breaks hubfuzz must not keep the others from their turn
        return _error(screen, f"{failure.fingerprint} {failure.name}", f"{failure.fingerprint}: {why}")
    code = _tell(screen, stored, replayed, options)
    for path in files.write(stored, replayed.end):
        screen.say(f"  Report     {path}")
    return code


def _error(screen: Screen, what: str, why: str) -> ExitCode:
    """The outcome stands with the others, the reason with all errors."""
    from fuzzer.report.outcome import outcome_line

    screen.say(outcome_line("ERROR", what))
    return complain(why)


def target_for(failure: Failure, options: ReplayOptions) -> Target:
    """The stored target, or what the options say instead. Raises ``CliError``, ``TargetError`` or ``DamagedFile``."""
    from fuzzer.cli.choose import at_url, choose_target
    from fuzzer.replayable import check_is_judged, target_of

    if options.target is not None:
        target = choose_target(options.target, allow_hosts=options.allow_host)
    else:
        target = target_of(failure, bug=options.bug, allow_hosts=options.allow_host, moving=options.url is not None)
    target = target if options.url is None else at_url(target, options.url, options.allow_host)
    check_is_judged(failure, target)
    return target


def _run(screen: Screen, failure: Failure, target: Target, options: ReplayOptions) -> Measured:
    import trio

    from fuzzer.campaign.reproduce import replay as measured
    from fuzzer.cli.interrupt import on_interrupt
    from fuzzer.driver.session import open_session
    from fuzzer.greeting import greet
    from fuzzer.replayable import plan_of

    plan, so_far = plan_of(failure), Measured()

    async def main() -> None:
        with trio.CancelScope() as scope, screen.doing(f"replaying {failure.fingerprint}") as say:
            async with on_interrupt(scope.cancel), open_session(target) as session:
                await greet(session)
                note = so_far.note(lambda rate: say(f"replaying {failure.fingerprint}: failed {rate}"))
                so_far.end = await measured(
                    session, plan, failure.fingerprint, options.times, on_run=note, recorded=failure.history
                )

    trio.run(main)
    return so_far


def _tell(screen: Screen, stored: Stored, measured: Measured, options: ReplayOptions) -> ExitCode:
    from fuzzer.report.outcome import outcome_line

    failure, replayed = stored.failure, measured.end
    what = f"{failure.fingerprint} {failure.name}"
    if replayed is None:
        screen.say(outcome_line("STOPPED", what, measured.rate))
        return ExitCode.INTERRUPTED
    if replayed.outcome == "ERROR":
        return _error(screen, what, f"{failure.fingerprint}: {replayed.trouble}")
    screen.say(outcome_line(replayed.outcome, what, replayed.rate))
    if replayed.error:
        complain(f"{failure.fingerprint}: stopped early: {replayed.error}")
    _show(screen, stored, replayed, options)
    if replayed.outcome == "FIXED":
        _fixed(screen, stored, replayed, options.prune)
    return ExitCode.CLEAN if replayed.outcome == "FIXED" else ExitCode.FAILURES


def _show(screen: Screen, stored: Stored, replayed: Replayed, options: ReplayOptions) -> None:
    from fuzzer.report.text import describe, trace

    case = _case(screen, stored, replayed)
    if case is not None:
        screen.say()
        screen.say_all(describe(case, screen.width, screen.glyphs))
        screen.say()
    last = replayed.last.history if replayed.last else None
    if options.trace and (history := case.history if case else last):
        screen.say_all(trace(history, case.finding if case else None))
        screen.say()


def _case(screen: Screen, stored: Stored, replayed: Replayed) -> Case | None:
    """The failure as it was seen again, or what came in place of it."""
    from fuzzer.report.case import case_of
    from fuzzer.report.layout import wrapped
    from fuzzer.report.outcome import case_seen_again, failures_instead, now_fails_as

    if replayed.outcome != "CHANGED":
        return case_seen_again(stored.failure, str(stored.path), replayed)
    numbers = {fingerprint: instead.runs for fingerprint, instead in replayed.instead.items()}
    screen.say_all(wrapped("  ", now_fails_as(numbers, replayed.rate.runs), screen.width))
    return case_of(failures_instead(stored.failure, replayed)[0])


def _unsure(stored: Stored, replayed: Replayed, needed: int) -> str:
    before = f"it failed {stored.failure.rate} before" if stored.failure.rate else "its rate was never measured"
    runs, silent = replayed.rate.runs, replayed.undecided
    times = ceil(needed * runs / max(1, replayed.decided)) if silent else needed
    nothing = f" ({silent} of {runs} decided nothing)" if silent else ""
    return f"too few runs to be sure{nothing}: {before}; --times {times} would tell"


def _fixed(screen: Screen, stored: Stored, replayed: Replayed, prune: bool) -> None:
    """Say so if it failed too rarely for this to prove anything, or in a race; else remove its file, if wanted."""
    from fuzzer.campaign.stored import clean_runs
    from fuzzer.campaign.sure import SURE
    from fuzzer.report.layout import wrapped

    path, needed = stored.path, clean_runs(stored.failure)
    if replayed.decided < needed:
        kept = "; its file is kept" if prune else ""
        screen.say_all(wrapped("  ", f"{_unsure(stored, replayed, needed)}{kept}", screen.width))
        return
    if stored.failure.rate and stored.failure.rate.share < SURE:
        screen.say_all(wrapped("  ", f"it failed {stored.failure.rate} before; {BUSY}", screen.width))
    if prune:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CliError(f"{path}: cannot be removed: {reason_of(error)}") from None
        screen.say(f"  {path} is removed")
