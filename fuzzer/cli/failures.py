"""``hubfuzz failures``: what is stored, and what is known and need not fail a run."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from fuzzer.cli.errors import CliError, complain, reason_of
from fuzzer.exit_codes import ExitCode

if TYPE_CHECKING:
    from fuzzer.campaign.store import FailureStore
    from fuzzer.known import KnownFailure, KnownFailures

FOLDER = click.option(
    "--failures",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=".hubfuzz/failures",
    show_default=True,
    help="Where failures are stored.",
)
KNOWN = click.option(
    "--known",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default="known.json",
    show_default=True,
    help="The known failures.",
)


class ListByDefault(click.RichGroup):
    """Without the name of a command, ``list`` is meant, also with options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else "-"
        meant = first.startswith("-") and first not in ctx.help_option_names
        return super().parse_args(ctx, ["list", *args] if meant else args)


@click.group(cls=ListByDefault)
def failures() -> None:
    """Show the stored failures and the known ones, add a known one, remove expired ones. Alone: list."""


@failures.command("list")
@FOLDER
@KNOWN
def list_failures(failures: Path, known: Path) -> ExitCode:
    """List stored failures and known ones. Exits with 2 if a file cannot be read."""
    from fuzzer.campaign.store import FailureStore
    from fuzzer.known import read_known
    from fuzzer.report.layout import table
    from fuzzer.report.screen import Screen

    screen, store, entries = Screen(), FailureStore(failures), read_known(known)
    rows = _rows(store, entries, date.today())
    if rows:
        titles = ("failure", "name", "fails", "ops", "found", "known")
        screen.say_all(table(titles, rows, screen.width))
    elif not store.problems:
        screen.say(f"no failure is stored in {failures}, and none is known in {known}")
    for line in store.problems:
        complain(line)
    return ExitCode.ERROR if store.problems else ExitCode.CLEAN


@failures.command()
@click.argument("fingerprint")
@click.option("--reason", metavar="TEXT", required=True, help="Why it need not fail a run: an issue, a decision.")
@click.option("--expires", metavar="DATE", default="", help="The last day on which it is known, e.g. 2026-12-31.")
@FOLDER
@KNOWN
def add(fingerprint: str, reason: str, expires: str, failures: Path, known: Path) -> ExitCode:
    """Make FINGERPRINT (e.g. HF201-3461cc) a known failure, or give it a new reason and a new end."""
    from fuzzer.known import read_known
    from fuzzer.report.screen import Screen

    entries = read_known(known)
    entry = _entry(fingerprint, reason, _checked(expires), failures, entries)
    _write(known, entries.put(entry))
    until = f"until {entry.expires}" if entry.expires else "for good"
    Screen().say(f"{entry.fingerprint} is known {until}: {entry.reason}")
    return ExitCode.CLEAN


@failures.command()
@KNOWN
def prune(known: Path) -> ExitCode:
    """Remove what has expired from the known failures. hubfuzz run --prune removes stored ones that are fixed."""
    from fuzzer.known import read_known
    from fuzzer.report.screen import Screen

    screen, entries, today = Screen(), read_known(known), date.today()
    gone = [entry for entry in entries.failures if entry.expired(today)]
    if gone:
        _write(known, entries.without_expired(today))
    for entry in gone:
        screen.say(f"{entry.fingerprint} was known until {entry.expires} ({entry.reason}): removed")
    if not gone:
        screen.say(f"nothing has expired in {known}")
    return ExitCode.CLEAN


# ---- rows and entries ------------------------------------------------------------------------------------------------


def _rows(store: FailureStore, entries: KnownFailures, today: date) -> list[tuple[str, ...]]:
    from fuzzer.report.glyphs import shown

    stored = store.all()
    rows: list[tuple[str, ...]] = [
        (
            item.path.stem,
            item.failure.name,
            str(item.failure.rate or "not measured"),
            str(item.failure.plan.size()),
            item.failure.found_at[:10],
            shown(_status(entries.find(item.failure.fingerprint), today, item.failure.same_as), 300),
        )
        for item in stored
    ]
    there = {item.failure.fingerprint for item in stored}
    rows += [
        (entry.fingerprint, "not stored", "", "", entry.first_seen, shown(_status(entry, today), 300))
        for entry in entries.failures
        if entry.fingerprint not in there
    ]
    return rows


def _status(entry: KnownFailure | None, today: date, same_as: str = "") -> str:
    if entry is None:
        return f"no; taken for {same_as}" if same_as else "no"
    if entry.expired(today):
        return f"expired on {entry.expires}, counts again: {entry.reason}"
    return f"until {entry.expires}: {entry.reason}" if entry.expires else f"for good: {entry.reason}"


def _entry(fingerprint: str, reason: str, expires: str, folder: Path, entries: KnownFailures) -> KnownFailure:
    """Raises ``CliError`` for what is no fingerprint."""
    from fuzzer.campaign.store import FailureStore
    from fuzzer.known import FINGERPRINT, KnownFailure

    name = fingerprint[:2].upper() + fingerprint[2:].lower()
    match = FINGERPRINT.fullmatch(name)
    if match is None:
        raise CliError(f"{fingerprint}: expected a fingerprint like HF201-3461cc; hubfuzz failures lists them")
    if not reason.strip():
        raise CliError("--reason: is empty; say why this failure need not fail a run")
    days = [i.failure.found_at[:10] for i in FailureStore(folder).all() if i.failure.fingerprint == name]
    earlier = entries.find(name)
    first = earlier.first_seen if earlier else min(days, default="")
    return KnownFailure(name, match[1], reason.strip(), first, earlier.last_seen if earlier else first, expires)


def _checked(expires: str) -> str:
    """Raises ``CliError`` for what is no day, or one that is over."""
    from fuzzer.known import is_date

    if not is_date(expires):
        raise CliError(f"--expires: found {expires!r}, expected a date like 2026-12-31")
    if expires and date.fromisoformat(expires) < date.today():
        raise CliError(f"--expires: {expires} is over, so this failure would count at once")
    return expires


def _write(path: Path, known: KnownFailures) -> None:
    from fuzzer.known import write_known

    try:
        write_known(path, known)
    except OSError as error:
        raise CliError(f"--known: {path}: cannot be written: {reason_of(error)}") from None
