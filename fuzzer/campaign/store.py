"""Failure files on disk: each write is atomic, nothing unreadable is ever deleted or overwritten."""

from __future__ import annotations

import itertools
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fuzzer.campaign.failure import Failure, failure_from_json, failure_to_json
from fuzzer.values import DamagedFile, Value

DEFAULT_FOLDER = Path(".hubfuzz/failures")
PORT: Final = re.compile(r":(\d+|\{port\})(?=[/?#]|$)")


class StoreError(Exception):
    """The folder cannot be used, or nothing fits what was asked for; one line."""


class Stored(Value):
    """A failure and its file."""

    path: Path
    failure: Failure


class FailureStore:
    """A folder of ``HF101-3f9a2c.json``, with ``HF101-3f9a2c-2.json`` beside it for another target's. ``problems`` has
    a line for each file that could not be read."""

    def __init__(self, folder: Path = DEFAULT_FOLDER) -> None:
        self.folder = folder
        self.problems: tuple[str, ...] = ()
        self._unshrunk: dict[str, Path] = {}

    def prepare(self) -> None:
        """Make the folder and try to write into it; raises ``StoreError``."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except (FileExistsError, NotADirectoryError):
            raise StoreError(f"{self.folder}: failures cannot be written there: it is not a folder") from None
        except OSError as error:
            raise StoreError(f"{self.folder}: failures cannot be written there: {error.strerror or error}") from None

    def write(self, failure: Failure) -> Path:
        """Write it at once; a shrunk one replaces its unshrunk file. Raises ``StoreError``."""
        path = self._path_for(failure)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(path, failure_to_json(failure))
            self._forget_unshrunk(failure, path)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from None
        return path

    def all(self) -> tuple[Stored, ...]:
        """Every failure that can be read, by name; ``problems`` tells of the others."""
        found, problems = [], []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(read_failure(path))
            except (DamagedFile, StoreError) as error:
                problems.append(str(error))
        self.problems = tuple(problems)
        return tuple(found)

    def find(self, what: str) -> tuple[Stored, ...]:
        """By path of a file or folder, code, fingerprint (of all targets), or by name of a file, without ``.json``.
        Raises ``StoreError``; for a path, ``DamagedFile``."""
        path = Path(what)
        if path.is_file():
            return (read_failure(path),)
        if path.is_dir():
            return FailureStore(path)._some(f"{what}: no readable failure file in this folder")
        asked = what.upper()
        found = tuple(s for s in self.all() if asked in map(str.upper, _names_of(s)))
        if not found:
            none = f"no such file or folder, and no failure of this name in {self.folder}"
            raise StoreError(f"{what}: {none}; hubfuzz failures lists them")
        return found

    def _some(self, otherwise: str) -> tuple[Stored, ...]:
        found = self.all()
        if not found:
            raise StoreError(self.problems[0] if self.problems else otherwise)
        return found

    # ---- which file ------------------------------------------------------------------------------------------------

    def _path_for(self, failure: Failure) -> Path:
        """The plain name, unless that would lose something: a damaged file, another target's failure, or an earlier
        run's shrunk plan."""
        for path in self._names(failure.fingerprint):
            if self._may_take(path, failure):
                return path
        raise AssertionError("unreachable: names never end")

    def _names(self, fingerprint: str) -> Iterator[Path]:
        yield self.folder / f"{fingerprint}.json"
        yield from (self.folder / f"{fingerprint}-{number}.json" for number in itertools.count(2))

    def _may_take(self, path: Path, failure: Failure) -> bool:
        if not path.exists():
            return True
        try:
            there = read_failure(path).failure
        except (DamagedFile, StoreError):
            return False
        return _same_place(there) == _same_place(failure) and (failure.shrunk or not there.shrunk)

    def _forget_unshrunk(self, failure: Failure, path: Path) -> None:
        if not failure.shrunk:
            self._unshrunk[failure.fingerprint] = path
            return
        earlier = self._unshrunk.pop(failure.fingerprint, path)
        if earlier != path:
            earlier.unlink(missing_ok=True)


def _names_of(stored: Stored) -> tuple[str, str, str]:
    return stored.failure.code, stored.failure.fingerprint, stored.path.stem


def _same_place(failure: Failure) -> tuple[object, ...]:
    """Equal for two failures of which the later one may replace the earlier one. Not the port: tests choose a free one
    each time, and would have a new file each time."""
    url = PORT.sub("", str(failure.target.get("url", "")), count=1)
    return failure.fingerprint, failure.target.get("name"), url, failure.hub


def read_failure(path: Path) -> Stored:
    """Read one file; raises ``StoreError`` if it is not there, ``DamagedFile`` if it is not a failure."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from None
    return Stored(path, failure_from_json(data, str(path)))


def replace_file(path: Path, data: bytes) -> None:
    """Write ``data`` so that after a crash there is either the old file or the new one, whole. Raises ``OSError``."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp lets nobody else read it, but failures are there to be shared
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
