"""``hubfuzz check``: judge saved histories again, offline, as when the invariants have changed since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import rich_click as click
from rich.text import Text

from fuzzer.cli.errors import CliError, complain, unexpected
from fuzzer.cli.names import invariant_code
from fuzzer.exit_codes import ExitCode, of_all
from fuzzer.history import HISTORY_FORMAT, History, history_from_json
from fuzzer.report.layout import plural
from fuzzer.report.screen import Screen
from fuzzer.values import DamagedFile
from fuzzer.verdict import Verdict


@click.command()
@click.argument("path", metavar="HISTORY|FAILURE|FOLDER", type=click.Path(path_type=Path))
@click.option("--invariant", multiple=True, metavar="NAME", help="Judge by this one only (code or name; repeatable).")
@click.option("--skip", multiple=True, metavar="NAME", help="Leave this one out (repeatable).")
def check(path: Path, invariant: tuple[str, ...], skip: tuple[str, ...]) -> ExitCode:
    """Judge a saved history, the history of a failure, or all in a folder once more. No server is needed.

    Exits with 1 if any violates an invariant, with 2 if any could not be judged, else with 0.
    """
    screen = Screen()
    only, without = tuple(map(invariant_code, invariant)), tuple(map(invariant_code, skip))
    codes = [_check(screen, file, only, without) for file in _files(path)]
    if all(code is None for code in codes):
        return complain(f"{path}: nothing was exercised, so this proves nothing")
    return of_all([code for code in codes if code is not None])


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.json"))
    if not files:
        raise CliError(f"{path}: no .json file in this folder")
    return files


def _check(screen: Screen, path: Path, only: tuple[str, ...], skip: tuple[str, ...]) -> ExitCode | None:
    """None: its plan exercised nothing."""
    from fuzzer.campaign.tally import tally_of
    from fuzzer.invariants import judge
    from fuzzer.report.warnings import nothing_in

    try:
        history, fingerprint = _read(path)
        verdict = judge(history, only=only, skip=skip)
        nothing = "" if verdict.violations else nothing_in(1, tally_of(history.plan, history, verdict))
        lines = [*_outcome(path, verdict, fingerprint, nothing), *_described(screen, history, verdict)]
    except DamagedFile as error:
        return complain(str(error))
    except Exception as error:  # a history that no server can have: the others in the folder are to be judged
        return complain(f"{path}: cannot be judged: {unexpected(error)}")
    screen.say_all(lines)
    if not verdict.violations and not sum(j.obligations for j in verdict.judgements):
        return complain(f"{path}: no invariant had anything to check")
    return ExitCode.FAILURES if verdict.violations else None if nothing else ExitCode.CLEAN


def _read(path: Path) -> tuple[History, str]:
    """The history, and the fingerprint that it was saved for, if it was saved for one."""
    from fuzzer.campaign.failure import FAILURE_FORMAT, failure_from_json

    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    found = _format_of(data, path)
    if found == FAILURE_FORMAT:
        failure = failure_from_json(data, str(path))
        return failure.history, failure.fingerprint
    if found != HISTORY_FORMAT:
        raise DamagedFile(f"{path}: format is {found!r}, expected {HISTORY_FORMAT!r} or {FAILURE_FORMAT!r}")
    return history_from_json(data, str(path)), ""


def _format_of(data: bytes, path: Path) -> object:
    try:
        tree = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedFile(f"{path}: not JSON: {' '.join(str(error).split())}") from None
    return tree.get("format") if isinstance(tree, dict) else None


def _outcome(path: Path, verdict: Verdict, fingerprint: str, nothing: str) -> Iterator[str]:
    found = sorted({finding.fingerprint for finding in verdict.violations})
    undecided = sorted({finding.fingerprint for finding in verdict.inconclusive})
    checks = sum(judgement.obligations for judgement in verdict.judgements)
    said = ", ".join(found) or (nothing if checks else "")
    word = f"{'VIOLATED' if found else 'EMPTY' if nothing else 'OK':<10}{path}{f': {said}' if said else ''}"
    yield f"{word} ({plural(checks, 'check')}{f'; undecided: {chr(44).join(undecided)}' if undecided else ''})"
    if fingerprint and fingerprint not in found:
        yield f"          it was saved as {fingerprint}, which these invariants no longer find in it"


def _described(screen: Screen, history: History, verdict: Verdict) -> Iterator[str | Text]:
    from fuzzer.campaign.failure import invariant_name
    from fuzzer.report.text import Case, describe

    seen: set[str] = set()
    for finding in verdict.violations:
        if finding.fingerprint in seen:
            continue
        seen.add(finding.fingerprint)
        case = Case(finding, history.plan, history, invariant_name(finding.code))
        yield ""
        yield from describe(case, screen.width, screen.glyphs)
        yield ""
