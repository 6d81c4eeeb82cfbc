"""Runs of pytest of their own, in a project with a hub whose bug can be chosen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = ("five-tabs", "broadcast", "limit", "lifecycle", "failure-isolation", "cleanup")
ITEMS = (*SCENARIOS, "authentication", "campaign")
HUB = """
import sys
from pathlib import Path
from fuzzer.hub.__main__ import main
sys.exit(main([*sys.argv[1:], *Path("flags.txt").read_text().split()]))
"""
TARGET = """
[target]
name = "hub"
url = "ws://127.0.0.1:{port}/ws?session={session}"
start = ["{python}", "hub.py", "--port", "{port}"]
env = {HUBFUZZ_SECRET = "a secret of at least thirty-two bytes"}
[auth]
kind = "jwt"
secret = "a secret of at least thirty-two bytes"
[protocol]
publish = '{"type":"publish","id":"{id}","body":"{body}"}'
deliver = {match = {type = "message"}, id = "id", body = "body"}
welcome = {match = {type = "welcome"}}
[policy]
echo = "always"
join_evidence = "welcome"
sessions = "takeover"
deadline = 2.0
t_release = 1.0
t_detect = 1.0
limit = {max = 2, statuses = [429]}
max_size = 1000000
"""


def set_bug(folder: Path, bug: str | None) -> None:
    """From now on the hub starts with this bug. ``join_delay`` holds the window of the race of S15 open."""
    (folder / "flags.txt").write_text("--limit 2" + (f" --bug {bug} --join-delay 0.02" if bug else ""))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a correct hub and its target file."""
    (tmp_path / "hub.py").write_text(HUB)
    (tmp_path / "hubfuzz.toml").write_text(TARGET)
    set_bug(tmp_path, None)
    return tmp_path


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    options = ("-p", "fuzzer.pytest_plugin", "-p", "no:cacheprovider", "-W", "error", "-ra")
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def collected(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.rpartition("::")[2] for line in done.stdout.splitlines() if "::" in line]
