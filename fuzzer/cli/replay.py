"""``hubfuzz replay``: does a stored failure still fail, and how often?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click.utils import OptionGroupDict

from fuzzer.cli.errors import CliError, complain, one_line
from fuzzer.exit_codes import ExitCode

if TYPE_CHECKING:
    from fuzzer.campaign.failure import Failure
    from fuzzer.campaign.reproduce import Replayed
    from fuzzer.campaign.store import Stored
    from fuzzer.report.screen import Screen
    from fuzzer.target.model import Target

GROUPS: list[OptionGroupDict] = [
    {"name": "How", "options": ["--times", "--trace"]},
    {"name": "Against what", "options": ["--target", "--url", "--bug", "--allow-host"]},
    {"name": "Where", "options": ["--failures", "--help"]},
]


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


@click.command()
@click.argument("what", metavar="FILE|FOLDER|CODE")
@click.option("--times", type=click.IntRange(min=1), default=20, show_default=True, help="How often to run each.")
@click.option("--trace", is_flag=True, help="Print every event of the run that is shown.")
@click.option("--target", type=click.Path(path_type=Path), help="Take this target file instead of the stored target.")
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
def replay(**given: Any) -> ExitCode:
    """Run stored failures again: FAILED n/N, FIXED 0/N, or ERROR.

    Exits with 1 if any failed, with 2 if any could not be replayed, else with 0.
    """
    from fuzzer.report.screen import Screen

    options = ReplayOptions(**given)
    stored, problems = _find(options)
    screen = Screen()
    codes = [_replay_one(screen, item, options) for item in stored]
    codes += [_error(screen, line) for line in problems]
    if ExitCode.INTERRUPTED in codes:
        return ExitCode.INTERRUPTED
    return ExitCode.FAILURES if ExitCode.FAILURES in codes else max(codes)


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


def _replay_one(screen: Screen, stored: Stored, options: ReplayOptions) -> ExitCode:
    failure = stored.failure
    try:
        target = target_of(failure, options)
        replayed = _run(screen, failure, target, options)
    except Exception as error:
        line = one_line(error)
        if line is None:
            raise
        return _error(screen, f"{failure.fingerprint} {line}")
    if replayed is None:
        return ExitCode.INTERRUPTED
    return _tell(screen, stored, replayed, options)


def _error(screen: Screen, line: str) -> ExitCode:
    screen.say(f"ERROR         {line}")
    return complain(line)


def target_of(failure: Failure, options: ReplayOptions) -> Target:
    """The stored target, or what the options say instead. Raises ``CliError``, ``TargetError`` or ``DamagedFile``."""
    from fuzzer.cli.choose import at_url, choose_target

    if options.target is not None:
        target = choose_target(options.target, allow_hosts=options.allow_host)
    else:
        target = _embedded(failure, options.bug) if failure.hub else _stored(failure, options)
    return target if options.url is None else at_url(target, options.url, options.allow_host)


def _embedded(failure: Failure, bug: str | None) -> Target:
    """The hub with the knobs that the failure was found with."""
    import msgspec

    from fuzzer.cli.choose import seeded_code
    from fuzzer.hub.knobs import Knobs
    from fuzzer.hub.target import embedded_target
    from fuzzer.values import DamagedFile

    try:
        knobs = msgspec.convert(failure.hub.get("knobs", {}), Knobs)
        return embedded_target(failure.hub.get("bug") if bug is None else seeded_code(bug), knobs)
    except msgspec.ValidationError as error:
        raise DamagedFile(f"hub.knobs: {error}") from None
    except ValueError as error:
        raise CliError(str(error)) from None


def _stored(failure: Failure, options: ReplayOptions) -> Target:
    import msgspec

    from fuzzer.target.store import restored, target_from_json

    if options.bug is not None:
        raise CliError("--bug is for failures of the embedded hub, and this is one of another target")
    if not failure.target:
        raise CliError("no target is stored with it: give --target FILE")
    target = target_from_json(msgspec.json.encode(failure.target), "its stored target")
    return restored(target, allow_hosts=options.allow_host)


def _run(screen: Screen, failure: Failure, target: Target, options: ReplayOptions) -> Replayed | None:
    """None: interrupted."""
    import trio

    from fuzzer.campaign.reproduce import replay as measured
    from fuzzer.cli.interrupt import on_interrupt
    from fuzzer.driver.session import open_session

    async def main() -> Replayed | None:
        with trio.CancelScope() as scope:
            async with on_interrupt(scope.cancel), open_session(target) as session:
                return await measured(session, failure.plan, failure.fingerprint, options.times)
        return None

    return trio.run(main)


def _tell(screen: Screen, stored: Stored, replayed: Replayed, options: ReplayOptions) -> ExitCode:
    from rich.text import Text

    from fuzzer.report.glyphs import shown

    failure = stored.failure
    if replayed.outcome == "ERROR":
        return _error(screen, f"{failure.fingerprint} {replayed.error or 'it could not be run'}")
    failed = replayed.outcome == "FAILED"
    head = f"{replayed.outcome} {replayed.rate}"
    line = Text.assemble(
        (f"{head:<14}", "bold red" if failed else "bold green"), f"{failure.fingerprint} {failure.name}"
    )
    screen.say(Text.assemble(line, f"  {shown(failure.finding.summary)}" if failed else ""))
    if replayed.error:
        screen.say(f"              stopped early: {replayed.error}")
    if failed:
        _show(screen, stored, replayed, options)
    return ExitCode.FAILURES if failed else ExitCode.CLEAN


def _show(screen: Screen, stored: Stored, replayed: Replayed, options: ReplayOptions) -> None:
    import msgspec

    from fuzzer.report.case import case_of
    from fuzzer.report.text import describe, trace

    attempt = replayed.witness
    finding = attempt.finding(stored.failure.fingerprint) if attempt else None
    if attempt is None or finding is None:
        return
    case = msgspec.structs.replace(
        case_of(stored.failure, str(stored.path)),
        finding=finding,
        history=attempt.history,
        failed=replayed.rate.failed,
        runs=replayed.rate.runs,
    )
    screen.say()
    screen.say_all(describe(case, screen.width, screen.glyphs))
    screen.say()
    if options.trace:
        screen.say_all(trace(attempt.history, finding))
        screen.say()
