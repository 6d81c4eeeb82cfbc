"""``hubfuzz init``: write a target file, then try it live."""

from __future__ import annotations

import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from fuzzer.cli.errors import CliError, reason_of
from fuzzer.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from fuzzer.init.steps import Step
    from fuzzer.init.template import Wanted
    from fuzzer.report.screen import Screen
    from fuzzer.target.model import Target

STYLES = {"ok": "green", "change": "red", "hint": "yellow", "skipped": "dim"}


@click.command()
@click.argument("file", metavar="[FILE]", type=click.Path(path_type=Path), default="hubfuzz.toml")
@click.option("--url", metavar="URL", default="", help="Where the hub is; {port} in it: of the one that is started.")
@click.option("--start", metavar="COMMAND", default="", help='How to start it, e.g. "uvicorn app:app --port {port}".')
@click.option("--auth", type=click.Choice(["jwt", "none"]), default="jwt", show_default=True, help="Kind of auth.")
@click.option(
    "--secret-env", metavar="NAME", default="JWT_SECRET", show_default=True, help="Variable that holds the JWT secret."
)
@click.option("--publish", metavar="FRAME", default="", help="What a client sends, with {id} and {body}.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--try/--no-try", "trying", default=True, help="Try the file on the live hub. Default: yes.")
@click.option("--allow-host", multiple=True, metavar="HOST", help="Allow a host that is not this machine (repeatable).")
def init(
    file: Path,
    url: str,
    start: str,
    auth: str,
    secret_env: str,
    publish: str,
    force: bool,
    trying: bool,
    allow_host: tuple[str, ...],
) -> ExitCode:
    """Write FILE (default: hubfuzz.toml) with comments, and try it on the live hub, step by step.

    Exits with 2 if the hub and the file do not go together; the output says what to change. Then run it again: a file
    that is there is not written but tried as it is.
    """
    from fuzzer.report.screen import Screen
    from fuzzer.target.load import load_target

    screen = Screen()
    given = url or start or publish or force
    if trying and file.exists() and not given:
        screen.say(f"{file} is there already, and stays as it is")
    else:
        _write(file, _wanted(file, url, start, auth, secret_env, publish), force)
        screen.say(f"{file} is written; its comments say what can be told besides")
    target = load_target(file, allow_hosts=allow_host)
    if not trying:
        return ExitCode.CLEAN
    return _try(screen, file, target)


def _wanted(file: Path, url: str, start: str, auth: str, secret_env: str, publish: str) -> Wanted:
    from fuzzer.init.template import PUBLISH, Wanted
    from fuzzer.target.tables import check_name

    check_name(file)
    try:
        words = tuple(shlex.split(start))
    except ValueError as error:
        raise CliError(f"--start: {error}; found {start!r}") from None
    if "{port}" in url and not words:
        raise CliError("--url: {port} is the port of a hub that hubfuzz starts; give --start too, or the real port")
    name = file.resolve().parent.name or "hub"
    return Wanted(name, url, words, auth, secret_env, publish or PUBLISH)


def _write(file: Path, wanted: Wanted, force: bool) -> None:
    from fuzzer.init.template import target_file

    try:
        with file.open("w" if force else "x", encoding="utf-8") as out:
            out.write(target_file(wanted))
    except FileExistsError:
        raise CliError(f"{file}: is there already, and stays as it is; --force writes over it") from None
    except OSError as error:
        raise CliError(f"{file}: cannot be written: {reason_of(error)}") from None


def _try(screen: Screen, file: Path, target: Target) -> ExitCode:
    import trio

    from fuzzer.init.steps import look
    from fuzzer.init.visitor import Visits
    from fuzzer.target.process import serve

    seen: list[Step] = []

    async def main() -> None:
        async with serve(target) as server, trio.open_nursery() as nursery:
            visits = Visits(target, server.port, nursery, f"init{secrets.token_hex(3)}-")
            try:
                async for step in look(visits):
                    seen.append(step)
                    screen.say_all(lines_of(step, screen.width))
            finally:
                visits.leave()
                nursery.cancel_scope.cancel()

    screen.say(f"trying it on {target.name}, {'which is started for it' if target.start else target.url}:")
    trio.run(main)
    return _verdict(screen, file, seen)


def lines_of(step: Step, width: int) -> Iterator[Text]:
    """What was seen, and what to change."""
    from fuzzer.report.glyphs import shown
    from fuzzer.report.layout import wrapped

    yield from wrapped(f"  {step.name:<8} {step.outcome:<8} ", shown(step.saw, 400), width, "", STYLES[step.outcome])
    if step.change:
        yield from wrapped(" " * 11 + "→ ", shown(step.change, 300), width, STYLES[step.outcome])


def _command(name: str, file: Path) -> str:
    return f"hubfuzz {name}" if str(file) == "hubfuzz.toml" else f"hubfuzz {name} {file}"


def _verdict(screen: Screen, file: Path, seen: list[Step]) -> ExitCode:
    from fuzzer.report.layout import wrapped

    wrong = [step.name for step in seen if step.outcome == "change"]
    if wrong:
        what = f"does not fit the hub yet ({', '.join(wrong)})"
        raise CliError(f"{file}: {what}; change what is said above, then: {_command('init', file)}")
    hints = sum(step.outcome == "hint" for step in seen)
    more = f"; {hints} hint{'s' * (hints > 1)} above would make it find more" if hints else ""
    screen.say_all(wrapped("", f"{file} fits the hub{more}. Next: {_command('run', file)}", screen.width))
    return ExitCode.CLEAN
