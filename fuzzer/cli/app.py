"""The command ``hubfuzz``: its subcommands, and the one place where errors become a line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import rich_click as click

from fuzzer.cli.bugs import bugs
from fuzzer.cli.check import check
from fuzzer.cli.errors import report_error
from fuzzer.cli.explain import explain
from fuzzer.cli.failures import failures
from fuzzer.cli.help import set_groups
from fuzzer.cli.hub import hub
from fuzzer.cli.init import init
from fuzzer.cli.replay import replay
from fuzzer.cli.run import run
from fuzzer.cli.schema import schema
from fuzzer.exit_codes import ExitCode

VERSION = "0.1.0"

set_groups()


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
)
@click.version_option(VERSION, prog_name="hubfuzz")
@click.pass_context
def app(context: click.Context) -> None:
    """Property-based concurrency fuzzer for WebSocket hubs.

    Exit codes: 0 nothing found, 1 failures found, 2 hubfuzz could not do its job or nothing was exercised,
    130 interrupted.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        context.exit(int(ExitCode.ERROR))  # a job that names no command must not pass


for command in (init, run, replay, check, failures, explain, schema, bugs, hub):
    app.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with an ``ExitCode``; never shows a traceback."""
    sys.exit(int(call(arguments)))


def call(arguments: Sequence[str] | None = None) -> ExitCode:
    """Run one command and answer its exit code."""
    try:
        code = app.main(args=arguments, prog_name="hubfuzz", standalone_mode=False)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        return _nobody_listens() if _reader_left(error) else report_error(error)
    return ExitCode(code or 0)


def _reader_left(error: BaseException) -> bool:
    """That comes in groups from within trio, where a broken pipe may as well be a socket's."""
    from fuzzer.report.screen import ReaderLeft

    if isinstance(error, BaseExceptionGroup):
        return error.split(ReaderLeft)[1] is None
    return isinstance(error, BrokenPipeError)


def _nobody_listens() -> ExitCode:
    """The interpreter would complain once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.ERROR
