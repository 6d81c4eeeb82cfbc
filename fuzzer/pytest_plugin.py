"""The pytest plugin: target files and failure files as test items. It adds two settings and does nothing unasked.

It is loaded in every pytest run of the environment, so everything heavy is imported when it is needed, if ever.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fuzzer.pytest_items import FailureFile, HubFile

FAILURE_NAME = re.compile(r"HF\d{3}-[0-9a-f]{6}(-\d+)?\.json")
TARGET_TABLE = re.compile(r"^\s*\[\s*target\s*[].]", re.MULTILINE)
PYPROJECT_TABLE = re.compile(r"^\s*\[\s*tool\.hubfuzz\s*[].]", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Settings, not options: they belong to the project and not to one run."""
    hosts = "hubfuzz: hosts that are not this machine and may be fuzzed all the same"
    parser.addini("hubfuzz_allow_hosts", hosts, type="args", default=[])
    known = "hubfuzz: a file of known failures, which fail no item until they expire"
    parser.addini("hubfuzz_known", known, default="")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> HubFile | FailureFile | None:
    """A target file that is named on the command line; a failure file that is, or whose folder is."""
    if file_path.suffix == ".toml" and parent.session.isinitpath(file_path) and _is_target(file_path):
        from fuzzer.pytest_items import HubFile

        return HubFile.from_parent(parent, path=file_path)
    if FAILURE_NAME.fullmatch(file_path.name) and _is_wanted(file_path, parent.session):
        from fuzzer.pytest_items import FailureFile

        return FailureFile.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """A state machine's session ends with its test, whichever way the machine was run."""
    _close("fuzzer.plan_runner")


def pytest_unconfigure() -> None:
    """Nothing that was started may be left."""
    _close("fuzzer.session_thread")


def _close(module: str) -> None:
    if (used := sys.modules.get(module)) is not None:
        used.close_all()


def _is_target(path: Path) -> bool:
    """By its look alone: a broken one is to be reported, not to be passed over."""
    if path.name == "hubfuzz.toml":
        return True
    table = PYPROJECT_TABLE if path.name == "pyproject.toml" else TARGET_TABLE
    try:
        return table.search(path.read_text("utf-8", errors="replace")) is not None
    except OSError:
        return False


def _is_wanted(path: Path, session: pytest.Session) -> bool:
    in_store = path.parent.name == "failures" and path.parent.parent.name == ".hubfuzz"
    return in_store or session.isinitpath(path) or session.isinitpath(path.parent)
