"""Ctrl-C wherever it comes: exit 130, no traceback, what was found is on disk, and the server has ended."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import psutil
import pytest
from command import OPEN_TARGET, PATIENCE, Running, hubfuzz, target_file

LONG = OPEN_TARGET + "[policy]\ndeadline = 600\n"
ENDING = 20.0  # seconds that the watchdog may take; it needs about one


def failure_files(folder: Path) -> list[Path]:
    return sorted((folder / ".hubfuzz" / "failures").glob("HF*.json"))


def hubs_among(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The embedded hubs: other children come and go."""
    return [process for process in processes if process.is_running() and "fuzzer.hub" in words_of(process)]


def words_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


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
        servers: list[psutil.Process] = []
        run.until(lambda: servers.extend(run.servers()) or hubs_among(servers))
        assert run.interrupt() == 130
        said = run.text()
    assert_ended(servers)
    assert "STOPPED" in said
    assert said.rstrip().endswith("hubfuzz: interrupted")
    assert "Traceback" not in said


SLOW_REPORTS = """
import time
from pathlib import Path
from fuzzer.cli.reports import Reports
finish = Reports.finish
def slowly(*all_of_it):
    Path("reporting").touch()
    while not Path("go-on").exists():
        time.sleep(0.01)
    finish(*all_of_it)
Reports.finish = slowly
"""


SLOW_END = """
import trio
from contextlib import asynccontextmanager
from pathlib import Path
from fuzzer.driver import session
open_session = session.open_session
@asynccontextmanager
async def slowly(target):
    async with open_session(target) as opened:
        yield opened
        Path("reporting").touch()
        while not Path("go-on").exists():
            await trio.sleep(0.01)
session.open_session = slowly
"""

SIGNAL_BETWEEN = """
import os, signal, trio
from fuzzer.cli import campaign
class Trio:
    @staticmethod
    def run(*work):
        trio.run(*work)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it comes here and now")
    def __getattr__(self, name):
        return getattr(trio, name)
campaign.trio = Trio()
"""


def assert_all_is_told(said: str) -> None:
    assert "Traceback" not in said
    assert " SUMMARY " in said
    *_, verdict, last = said.rstrip().splitlines()
    assert verdict.startswith("1 failure in ")
    assert last == "hubfuzz: interrupted after the end of the campaign: all of it is told"


@pytest.mark.parametrize(("workers", "when"), [("1", "reports"), ("2", "reports"), ("1", "end of the server")])
def test_after_the_campaign(workers: str, when: str, tmp_path: Path) -> None:
    words = ("run", "--bug", "S17", "--plans", "4", "--seed", "1", "--shrink-seconds", "1", "--workers", workers)
    slow = SLOW_REPORTS if when == "reports" else SLOW_END
    with Running(*words, "--report", "json,md", cwd=tmp_path, first=slow) as run:
        run.until((tmp_path / "reporting").exists)
        run.process.send_signal(signal.SIGINT)
        (tmp_path / "go-on").touch()
        assert run.process.wait(timeout=PATIENCE) == 130
        assert_all_is_told(run.text())
    report = json.loads((tmp_path / ".hubfuzz" / "reports" / "hubfuzz.json").read_text())
    assert (report["stop_reason"], report["complete"]) == ("plans", True)
    assert (tmp_path / ".hubfuzz" / "reports" / "hubfuzz.md").exists()


def test_between_the_campaign_and_its_summary(tmp_path: Path) -> None:
    words = ("run", "--bug", "S17", "--plans", "4", "--seed", "1", "--shrink-seconds", "0")
    with Running(*words, cwd=tmp_path, first=SIGNAL_BETWEEN) as run:
        assert run.process.wait(timeout=PATIENCE) == 130, run.text()
        assert_all_is_told(run.text())


def test_twice_after_the_campaign(tmp_path: Path) -> None:
    words = ("run", "--bug", "S17", "--plans", "4", "--seed", "1", "--shrink-seconds", "0")
    with Running(*words, cwd=tmp_path, first=SLOW_REPORTS) as run:
        run.until((tmp_path / "reporting").exists)
        assert run.interrupt(again=True) == 130
        said = run.text()
    assert "Traceback" not in said
    assert " SUMMARY " not in said
    assert failure_files(tmp_path)
