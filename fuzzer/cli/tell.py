"""The end of ``hubfuzz run``: files, reports, summary and exit code. What cannot be written takes nothing else away."""

from __future__ import annotations

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.once import note_in_files, told_once
from fuzzer.campaign.options import Result
from fuzzer.campaign.store import StoreError
from fuzzer.cli.earlier import Earlier
from fuzzer.cli.errors import complain
from fuzzer.cli.reports import Reports
from fuzzer.exit_codes import ExitCode
from fuzzer.invariants import INVARIANTS
from fuzzer.report.also import also_of
from fuzzer.report.case import command_for
from fuzzer.report.screen import Screen
from fuzzer.report.summary import Closing, Told, summarise
from fuzzer.report.warnings import nothing_was_exercised, warnings_of
from fuzzer.target.model import Target
from strategies.untried import untried


def tell(result: Result, target: Target, earlier: Earlier, reports: Reports, screen: Screen) -> ExitCode:
    """Everything that is left to do. A report that cannot be written is an error, unless there are failures."""
    result, unwritten = once(result, reports.paths)
    code = exit_code(result)
    weaker = (*warnings_of(result, target.policy.limit is not None), *untried(target))
    warnings = (*weaker, *earlier.closing_lines(result), *unwritten, *earlier.note_seen(result))
    reports.finish(result, code, warnings, earlier.fixed(result))
    if reports.problems and code == ExitCode.CLEAN:
        code = ExitCode.ERROR
        reports.finish(result, code, warnings, earlier.fixed(result))  # those that can be written say so, too
    closing = closing_of(result, (*warnings, *reports.problems), reports.written, reports.paths)
    screen.say_all(summarise(result, closing, screen.width, screen.glyphs))
    for line in reports.problems:
        complain(line)
    return code


def once(result: Result, paths: dict[str, str]) -> tuple[Result, tuple[str, ...]]:
    """Each bug told once, also by the files; and a line for people if one of them cannot be written."""
    told = told_once(result)
    try:
        note_in_files(result, told, paths)
    except StoreError as error:
        return told, (f"--failures: {error}",)
    return told, ()


def exit_code(result: Result) -> ExitCode:
    """An interruption counts more than failures: the run is not over, whatever it has found up to then. Failures count
    more than an error: they are what the user must see."""
    if result.stop_reason == "interrupted":
        return ExitCode.INTERRUPTED
    if result.failures:
        return ExitCode.FAILURES
    if result.stop_reason == "server-unavailable" or result.left_out or nothing_was_exercised(result):
        return ExitCode.ERROR
    return ExitCode.CLEAN


def closing_of(result: Result, warnings: tuple[str, ...], reports: tuple[str, ...], paths: dict[str, str]) -> Closing:
    """What the summary says besides the result."""
    told = tuple(_told(failure, result, paths) for failure in result.failures)
    return Closing({i.code: i.name for i in INVARIANTS}, told, warnings, reports)


def _told(failure: Failure, result: Result, paths: dict[str, str]) -> Told:
    line = f"{failure.fingerprint} {failure.name} ({failure.rate or 'not measured'})"
    also = tuple((str(other), other.reproduce) for other in also_of(failure, result.also, paths))
    return Told(line, command_for(paths.get(failure.fingerprint, "")), also)
