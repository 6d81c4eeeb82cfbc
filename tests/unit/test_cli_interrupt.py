"""Ctrl-C wherever it comes: exit 130, no traceback, what was found is on disk, and the server has ended."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from command import OPEN_TARGET, Running, hubfuzz, target_file

LONG = OPEN_TARGET + "[policy]\ndeadline = 600\n"
ENDING = 20.0  # seconds that the watchdog may take; it needs about one


def failure_files(folder: Path) -> list[Path]:
    return sorted((folder / ".hubfuzz" / "failures").glob("HF*.json"))


def assert_ended(processes: list[psutil.Process]) -> None:
    assert processes
    _, alive = psutil.wait_procs(processes, timeout=ENDING)
    assert alive == []


def test_in_the_middle_of_a_plan(tmp_path: Path) -> None:
    target_file(tmp_path, "twice:200", text=LONG)
    with Running("run", "--seconds", "600", "--shrink-seconds", "0", "--report", "json", cwd=tmp_path) as run:
        run.until((tmp_path / "stuck").exists)  # a plan now waits for ten minutes
        servers = run.servers()
        assert run.interrupt() == 130
        said = run.text()
    assert_ended(servers)
    assert "Traceback" not in said
    assert "HF103" in said
    assert said.rstrip().endswith(", interrupted")
    assert '"stop_reason": "interrupted"' in (tmp_path / ".hubfuzz" / "reports" / "hubfuzz.json").read_text()
    (found,) = failure_files(tmp_path)
    assert hubfuzz("check", str(found), cwd=tmp_path).returncode == 1


def test_in_the_middle_of_shrinking(tmp_path: Path) -> None:
    with Running("run", "--bug", "S19", "--seconds", "600", "--shrink-seconds", "600", cwd=tmp_path) as run:
        run.until(lambda: failure_files(tmp_path))
        servers = run.servers()
        assert run.interrupt() == 130
        said = run.text()
    assert_ended(servers)
    assert "Traceback" not in said
    assert said.rstrip().endswith(", interrupted")
    for path in failure_files(tmp_path):
        assert hubfuzz("check", str(path), cwd=tmp_path).returncode == 1


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
def test_with_a_server_that_does_not_want_to_end(again: bool, tmp_path: Path) -> None:
    target_file(tmp_path, "twice:200", "stubborn", text=LONG)
    with Running("run", "--seconds", "600", "--shrink-seconds", "0", cwd=tmp_path) as run:
        run.until((tmp_path / "stuck").exists)
        servers = run.servers()
        assert run.interrupt(again=again) == 130
        said = run.text()
    assert_ended(servers)
    assert "Traceback" not in said
    assert failure_files(tmp_path)
    assert list((tmp_path / ".hubfuzz" / "failures").glob(".*")) == [], "half a file was left"


def test_in_a_replay(tmp_path: Path) -> None:
    hubfuzz("run", "--bug", "S17", "--plans", "4", "--max-failures", "1", "--seed", "1", cwd=tmp_path)
    with Running("replay", ".hubfuzz/failures", "--times", "100000", cwd=tmp_path) as run:
        run.until(run.servers)
        servers = run.servers()
        assert run.interrupt() == 130
        said = run.text()
    assert_ended(servers)
    assert "STOPPED" in said
    assert said.rstrip().endswith("hubfuzz: interrupted")
    assert "Traceback" not in said
