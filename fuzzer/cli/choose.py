"""Which target a command is about."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from fuzzer.cli.errors import CliError
from fuzzer.target.errors import TargetError
from fuzzer.target.model import Target


def choose_target(
    file: Path | None, *, bug: str | None = None, url: str | None = None, allow_hosts: Collection[str] = ()
) -> Target:
    """The given target file, or the one found from here upwards, or the embedded hub (always with ``bug``).

    Raises ``CliError`` or ``TargetError``: one line.
    """
    if bug is not None and file is not None:
        raise CliError(f"--bug is for the embedded hub, and {file} is another target: give one of the two")
    target = embedded(bug) if bug is not None else _from_file(file, allow_hosts)
    return target if url is None else at_url(target, url, allow_hosts)


def embedded(bug: str | None) -> Target:
    """The embedded hub, with or without a seeded bug (``none`` is without)."""
    from fuzzer.hub.target import embedded_target

    try:
        return embedded_target(seeded_code(bug))
    except ValueError as error:
        raise CliError(f"--bug: {error}") from None


def seeded_code(bug: str | None) -> str | None:
    """``s15`` is S15, ``s03, s15`` is S03,S15, ``none`` is no bug."""
    return None if bug is None or bug.lower() == "none" else "".join(bug.upper().split())


def _from_file(file: Path | None, allow_hosts: Collection[str]) -> Target:
    from fuzzer.target.load import find_target, load_target

    if file is not None and file.is_dir():
        found = find_target(file)
        if found is None:
            raise CliError(f"{file}: no hubfuzz.toml, and no pyproject.toml with [tool.hubfuzz], here or above")
        return load_target(found, allow_hosts=allow_hosts)
    file = file or find_target(Path.cwd())
    return embedded(None) if file is None else load_target(file, allow_hosts=allow_hosts)


def at_url(target: Target, url: str, allow_hosts: Collection[str] = ()) -> Target:
    """The same protocol, tokens and promises on a server that already runs at ``url``.

    A ``url`` without path or query keeps those of the target. Probes go to the new server if they were relative to the
    port of the started one, else they stay. Raises ``CliError``.
    """
    from fuzzer.target.check import check_target
    from fuzzer.target.check_url import check_ws_url
    from fuzzer.target.moved import moved_to
    from fuzzer.target.template import names_in

    try:
        check_ws_url("--url", url)
        if "port" in names_in(url):
            raise CliError(f"--url: found {url!r}, expected the port that the server listens on")
        moved = moved_to(target, url)
        check_target(moved, allow_hosts)
    except TargetError as error:
        raise CliError(str(error).replace("target.url", "--url", 1)) from None
    return moved
