"""Trials in a file, a line of JSON each: an interrupted benchmark goes on where it ended, also with another process."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


def read_trials(path: Path, kind: type[T]) -> list[T]:
    """What is known already."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=kind) for line in lines if line.strip()]


def keep(path: Path, trial: msgspec.Struct, told: str) -> None:
    """One more line, and the same in words to standard error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(trial) + b"\n")
    print(told, file=sys.stderr, flush=True)


def parsers(
    module: str, doc: str | None, bugs: Sequence[str]
) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, argparse.ArgumentParser]:
    """The command line of both benchmarks: the parser, its ``run`` and its ``report``; defaults are the caller's."""
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.benchmarks.{module}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run the trials that are missing in the file")
    running.add_argument("--bug", choices=list(bugs), action="append")
    running.add_argument("--out", type=Path, default=Path(f".hubfuzz/{module}.ndjson"))
    telling = commands.add_parser("report", help="tables from the file")
    telling.add_argument("file", type=Path)
    telling.add_argument("--write", type=Path, help="the README to write them into")
    return parser, running, telling
