"""Target files and failure files as test items, in pytest runs of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzzer import HubFailure, Target, fuzz
from fuzzer.hub.target import embedded_target

ROOT = Path(__file__).parents[2]
TARGET = """
[target]
name = "hub"
url = "ws://127.0.0.1:{port}/ws?session={session}"
start = ["{python}", "-m", "fuzzer.hub", "--port", "{port}", FLAGS]
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
sessions = "takeover"
limit = {max = 2, statuses = [429]}
max_size = 1000000
"""


def a_target(folder: Path, *flags: str) -> Path:
    path = folder / "hubfuzz.toml"
    path.write_text(TARGET.replace("FLAGS", ", ".join(f'"{flag}"' for flag in ("--limit", "2", *flags))))
    return path


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "fuzzer.pytest_plugin", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def test_a_correct_hub_passes_every_item(tmp_path: Path) -> None:
    a_target(tmp_path)
    done = run_pytest(tmp_path, "hubfuzz.toml", "-v")
    assert done.returncode == 0, done.stdout
    for name in ("five-tabs", "broadcast", "limit", "lifecycle", "failure-isolation", "cleanup", "authentication"):
        assert f"hubfuzz.toml::{name} PASSED" in done.stdout
    assert "hubfuzz.toml::fuzz PASSED" in done.stdout


def test_a_failing_item_reads_as_on_the_command_line_and_its_file_replays(tmp_path: Path) -> None:
    a_target(tmp_path, "--bug", "S15")
    done = run_pytest(tmp_path, "hubfuzz.toml", "-k", "limit", "--junit-xml", "report.xml")
    assert done.returncode == 1, done.stdout
    assert "HF201" in done.stdout
    assert "Traceback" not in done.stdout
    assert "HF201" in (tmp_path / "report.xml").read_text()
    again = run_pytest(tmp_path, ".hubfuzz/failures")
    assert again.returncode == 1
    assert "limit-exceeded" in again.stdout


def test_a_target_file_that_is_not_named_is_left_alone(tmp_path: Path) -> None:
    a_target(tmp_path)
    assert run_pytest(tmp_path).returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_damaged_failure_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "HF101-abcdef.json").write_text("{")
    done = run_pytest(tmp_path, "HF101-abcdef.json")
    assert done.returncode == 1
    assert "HF101-abcdef.json" in done.stdout
    assert "Traceback" not in done.stdout


def test_fuzz_is_silent_on_a_correct_hub_and_raises_on_a_broken_one(tmp_path: Path) -> None:
    result = fuzz(embedded_target(), seconds=None, plans=8, seed=1, failures=None)
    assert result.exercised
    with pytest.raises(HubFailure, match="limit-exceeded"):
        fuzz(embedded_target("S15"), seconds=None, plans=4, seed=1, failures=tmp_path)
    assert list(tmp_path.glob("HF201-*.json"))


def test_a_target_is_loaded_by_its_path(tmp_path: Path) -> None:
    assert Target.load(a_target(tmp_path)).name == "hub"
