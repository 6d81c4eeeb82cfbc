"""Every error is one line on standard error; the rest of an unexpected one goes to a file."""

from __future__ import annotations

import errno
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import click

from fuzzer.exit_codes import ExitCode

LOGS = Path(".hubfuzz") / "errors"


class CliError(Exception):
    """Something that the user can put right; the text is one line."""


def reason_of(error: OSError) -> str:
    """Why a file cannot be written, for people."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "there is a file where a folder should be"
    return (error.strerror or str(error)).lower()


class Interrupted(Exception):
    """The user has asked to stop, and there is nothing to show."""


def complain(line: str) -> ExitCode:
    """Write one line on standard error."""
    print(f"hubfuzz: {' '.join(line.split())}", file=sys.stderr, flush=True)
    return ExitCode.ERROR


def report_error(error: BaseException) -> ExitCode:
    """One line for any error, and the exit code that goes with it."""
    leaves = list(leaves_of(error))
    if all(isinstance(leaf, Interrupted | KeyboardInterrupt | click.Abort) for leaf in leaves):
        complain("interrupted")
        return ExitCode.INTERRUPTED
    return complain(one_line(error) or unexpected(error))


def one_line(error: BaseException) -> str | None:
    """What went wrong, if it is something that is known to go wrong; else None."""
    return next((line for leaf in leaves_of(error) if (line := _known(leaf))), None)


def leaves_of(error: BaseException) -> Iterator[BaseException]:
    """The errors inside groups of groups: nurseries wrap what happens in them."""
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for inner in error.exceptions:
        yield from leaves_of(inner)


def _known(error: BaseException) -> str | None:
    from fuzzer.campaign.runner import ServerUnavailable
    from fuzzer.target.errors import ProbeError, ServerError, TargetError
    from fuzzer.values import DamagedFile

    if isinstance(error, click.UsageError):
        where = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        return f"{error.format_message().rstrip('.')}{where}"
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, ServerError):
        return _with_log(error)
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:  # only a name that was given is so long
        return f"{str(error.filename)[:60]}…: {reason_of(error)}"
    return (
        str(error) if isinstance(error, CliError | DamagedFile | TargetError | ProbeError | ServerUnavailable) else None
    )


def _with_log(error: Exception) -> str:
    """The last line that the server printed usually says why it did not start."""
    lines = [line for line in getattr(error, "log", "").splitlines() if line.strip()]
    last = lines[-1].strip()[:200] if lines else ""
    return f"{error}; its last line: {last}" if last and last not in str(error) else str(error)


def unexpected(error: BaseException) -> str:
    """One line for an error of hubfuzz itself; its traceback goes to a file."""
    first = next(leaves_of(error))
    what = f"{type(first).__name__}: {first}"[:300]
    try:
        LOGS.mkdir(parents=True, exist_ok=True)
        path = LOGS / f"{time.strftime('%Y%m%d-%H%M%S')}.txt"
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:  # there may be several in a second
            file.writelines(traceback.format_exception(error))
    except OSError as problem:
        return f"internal error: {what} (its traceback could not be written: {problem.strerror})"
    return f"internal error: {what} (traceback in {path})"
