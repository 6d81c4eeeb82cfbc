"""The plugin beside others, and what the configuration of pytest says of hubs."""

from __future__ import annotations

import importlib.util
from datetime import date, timedelta
from pathlib import Path

import pytest
from pytest_runs import TARGET, folder, run_pytest, set_bug

from fuzzer.known import KnownFailure, KnownFailures, read_known, write_known

__all__ = ["folder"]
needs_cov = pytest.mark.skipif(importlib.util.find_spec("pytest_cov") is None, reason="pytest-cov is not installed")
LIMIT = "HF201-3461cc"


def known(folder: Path, days: int) -> None:
    """The failure of S15 is known until so many days from now."""
    expires = str(date.today() + timedelta(days=days))
    write_known(folder / "known.json", KnownFailures((KnownFailure(LIMIT, "HF201", "issue 7", expires=expires),)))
    (folder / "pytest.ini").write_text("[pytest]\nhubfuzz_known = known.json\n")


def test_a_known_failure_fails_no_item_and_is_told(folder: Path) -> None:
    set_bug(folder, "S15")
    known(folder, days=1)
    before = read_known(folder / "known.json")
    done = run_pytest(folder, "hubfuzz.toml", "-k", "limit", "-rA")
    assert done.returncode == 0, done.stdout
    assert f"{LIMIT} (issue 7) is known: met " in done.stdout
    assert read_known(folder / "known.json") == before, "who runs tests changes no file of the project"
    known(folder, days=-1)
    done = run_pytest(folder, "hubfuzz.toml", "-k", "limit")
    assert done.returncode == 1, done.stdout
    assert f"FAILED hubfuzz.toml::limit - {LIMIT}" in done.stdout


def test_a_stored_failure_that_is_known_is_expected_to_fail(folder: Path) -> None:
    set_bug(folder, "S15")
    assert run_pytest(folder, "hubfuzz.toml", "-k", "limit").returncode == 1
    known(folder, days=1)
    done = run_pytest(folder, ".hubfuzz/failures", "-rx")
    assert done.returncode == 0, done.stdout
    assert f"{LIMIT} is known: issue 7" in done.stdout
    assert "1 xfailed" in done.stdout
    set_bug(folder, None)
    assert "1 passed" in run_pytest(folder, ".hubfuzz/failures").stdout


def test_a_damaged_file_of_known_failures_is_one_line(folder: Path) -> None:
    known(folder, days=1)
    (folder / "known.json").write_text("{")
    done = run_pytest(folder, "hubfuzz.toml")
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert "known.json: not JSON" in done.stdout
    assert ".py:" not in done.stdout


def test_another_machine_is_refused_until_the_configuration_names_it(folder: Path) -> None:
    far = TARGET.replace("127.0.0.1", "192.0.2.7").replace("{port}", "9")
    lines = [line for line in far.splitlines() if not line.startswith(("start", "env"))]
    (folder / "hubfuzz.toml").write_text("\n".join(lines))
    refused = run_pytest(folder, "hubfuzz.toml", "--collect-only")
    assert refused.returncode == pytest.ExitCode.INTERRUPTED
    assert "name 192.0.2.7 in hubfuzz_allow_hosts" in refused.stdout
    (folder / "pytest.ini").write_text("[pytest]\nhubfuzz_allow_hosts = 192.0.2.6 192.0.2.7\n")
    assert run_pytest(folder, "hubfuzz.toml", "--collect-only").returncode == 0


@needs_cov
def test_coverage_of_what_the_tests_import(folder: Path) -> None:
    """The plugin is loaded before coverage begins, and must not be in its way; servers are processes of their own."""
    (folder / "test_it.py").write_text("import hub_part\n\n\ndef test_it():\n    assert hub_part.double(2) == 4\n")
    (folder / "hub_part.py").write_text("def double(n):\n    return 2 * n\n")
    cov = ("-p", "pytest_cov", "--cov=hub_part", "--cov-report=term", "--cov-fail-under=100")
    done = run_pytest(folder, "hubfuzz.toml", "test_it.py", "-k", "five-tabs or test_it", *cov)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


SUITE = """
import threading
from contextlib import contextmanager
import pytest
from app import hub_on
from fuzzer import Target, fuzz

@pytest.fixture
def url():
    with hub_on() as url:
        yield url

@pytest.mark.timeout(60)
@pytest.mark.parametrize("only", ["HF101", "HF103"])
def test_hub(url, only, tmp_path):
    result = fuzz(Target.load("hubfuzz.toml").at(url), seconds=None, plans=8, only=[only], failures=tmp_path)
    assert result.exercised
"""


def test_in_a_suite_with_xdist_timeouts_and_junit(folder: Path) -> None:
    """The hub runs in a thread of each worker of xdist: it is an application of the suite's own process."""
    (folder / "app.py").write_text(Path(__file__).with_name("suite_app.py").read_text())
    (folder / "test_suite.py").write_text(SUITE)
    (folder / "hubfuzz.toml").write_text(
        '[target]\nname = "app"\nurl = "ws://127.0.0.1:1/ws/{user}"\n[auth]\nkind = "none"\n[protocol]\n'
        """publish = '{"type": "say", "id": "{id}", "body": "{body}"}'\n"""
        'deliver = {match = {type = "say"}, id = "id", body = "body"}\n'
    )
    plugins = ("-p", "xdist", "-n", "2", "-p", "pytest_timeout", "--junit-xml", "report.xml")
    done = run_pytest(folder, "test_suite.py", *plugins)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert (folder / "report.xml").read_text().count("<testcase") == 2
