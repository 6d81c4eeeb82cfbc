"""From a target file to a ``Target``: find it, read it, say in one line what is wrong with it."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from fuzzer.target.check import check_target
from fuzzer.target.complaint import complaint, shown
from fuzzer.target.errors import TargetError
from fuzzer.target.model import Target
from fuzzer.target.tables import TargetFile, to_target, with_defaults

FILE_NAME = "hubfuzz.toml"
PYPROJECT = "pyproject.toml"
MOST_WHOLE = (1 << 63) - 1  # Python reads any number, but nothing passes a larger one on
_SECTION = "tool.hubfuzz."


def load_target(path: Path, *, allow_hosts: Collection[str] = ()) -> Target:
    """Read ``hubfuzz.toml`` or the ``[tool.hubfuzz]`` of a ``pyproject.toml``, and check it.

    Raises ``TargetError``: one line with file, key, what was found and what would be right. Hosts that are not this
    machine are refused unless ``allow_hosts`` names them.
    """
    tables = _read(path)
    section = _SECTION if path.name == PYPROJECT else ""
    try:
        return target_of(tables, path, allow_hosts=allow_hosts)
    except TargetError as error:
        raise TargetError(f"{path}: {section}{error}") from None


def target_of(tables: dict[str, Any], path: Path, *, allow_hosts: Collection[str] = ()) -> Target:
    """The target that decoded tables describe, as if they stood in the file ``path``. Raises ``TargetError``."""
    for key, number in _whole_numbers(tables):
        if not -MOST_WHOLE <= number <= MOST_WHOLE:
            raise TargetError(f"{key}: found {shown(number)}, expected a whole number of 64 bits, as TOML has them")
    target = to_target(_convert(tables), path)
    check_target(target, allow_hosts)
    return target


def find_target(folder: Path) -> Path | None:
    """The nearest target file, from ``folder`` upwards; a ``hubfuzz.toml`` comes before a ``pyproject.toml``."""
    for place in (folder.resolve(), *folder.resolve().parents):
        if (place / FILE_NAME).is_file():
            return place / FILE_NAME
        if _has_section(place / PYPROJECT):
            return place / PYPROJECT
    return None


def _has_section(path: Path) -> bool:
    try:
        return "hubfuzz" in tomllib.loads(path.read_text("utf-8")).get("tool", {})
    except (OSError, ValueError):
        return False


def _whole_numbers(value: object, key: str = "") -> Iterator[tuple[str, int]]:
    """All there are, however deep, with their keys."""
    if isinstance(value, int):
        yield key, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield from _whole_numbers(item, f"{key}.{name}" if key else str(name))


def _convert(raw: dict[str, Any]) -> TargetFile:
    written_out = with_defaults(raw)
    try:
        return msgspec.convert(written_out, TargetFile)
    except msgspec.ValidationError as error:
        raise complaint(error, written_out, TargetFile) from None


def _read(path: Path) -> dict[str, Any]:
    tree = _parse(path)
    if path.name != PYPROJECT:
        return tree
    section = tree.get("tool", {}).get("hubfuzz")
    if not isinstance(section, dict):
        raise TargetError(f"{path}: tool.hubfuzz: missing; expected the tables of a target file under it")
    return section


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise TargetError(f"{path}: no such file; expected a target file, {FILE_NAME} or {PYPROJECT}") from None
    except OSError as error:
        raise TargetError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError as error:
        raise TargetError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    except (ValueError, RecursionError) as error:  # ValueError: also of a number of more digits than Python reads
        raise TargetError(f"{path}: broken TOML: {' '.join(str(error).split())}") from None
