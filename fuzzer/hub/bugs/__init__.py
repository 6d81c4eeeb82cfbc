"""The seeded bugs, one file each; ``BUGS`` holds them by code: S01 to S39, then those of the origin server."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from re import fullmatch

from fuzzer.hub.bugs.model import SeededBug

__all__ = ["BUGS", "SeededBug"]


def _seeded() -> list[SeededBug]:
    """Whatever lies here under the name of a code; a file without a ``BUG`` is an error."""
    files = [module.name for module in iter_modules(__path__) if fullmatch(r"[as]\d+_\w+", module.name)]
    bugs: list[SeededBug] = [import_module(f"{__name__}.{name}").BUG for name in files]
    return sorted(bugs, key=lambda bug: (bug.code[0] != "S", bug.code))


BUGS: dict[str, SeededBug] = {bug.code: bug for bug in _seeded()}
