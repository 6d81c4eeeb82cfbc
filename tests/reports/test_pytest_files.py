"""Runnable tests: the produced file is run, against the hub that it names and against a target file."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import hard_failures
import msgspec
import pytest
import samples

from fuzzer.campaign.failure import Failure, Rate
from fuzzer.plan import plan_from_json
from fuzzer.report.pytest_file import file_name, pytest_file
from fuzzer.values import DamagedFile

ROOT = Path(__file__).parents[2]
S15 = {"bug": "S15", "knobs": {"limit": 1, "auth_delay": 0.005}}
TOML = """
[target]
name = "t"
url = "ws://127.0.0.1:{port}/ws"
start = ["{python}", "-m", "fuzzer.hub", "--port", "{port}", "--bug", "S15", "--limit", "1", "--auth-delay", "0.005"]
"""


def changed(failure: Failure, **fields: object) -> Failure:
    return msgspec.structs.replace(failure, **fields)


def pytest_run(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path.name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=path.parent, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def written(failure: Failure, folder: Path) -> Path:
    path = folder / file_name(failure)
    path.write_text(pytest_file(failure, folder), "utf-8")
    return path


def test_it_fails_with_the_bug_and_passes_without(tmp_path: Path) -> None:
    path = written(changed(samples.limit(), hub=S15), tmp_path)
    failing = pytest_run(path)
    assert failing.returncode == 1, failing.stdout
    assert "test_hf201_3461cc_limit_exceeded" in failing.stdout
    assert "HF201-3461cc  limit-exceeded" in failing.stdout
    path.write_text(path.read_text().replace('"S15"', "None"))
    fixed = pytest_run(path)
    assert fixed.returncode == 0, fixed.stdout


@pytest.mark.parametrize("make", [samples.limit, samples.loss, samples.crash, samples.crowded, hard_failures.hostile])
def test_the_plan_in_it_is_the_plan(make: type[Failure], tmp_path: Path) -> None:
    failure = changed(make(), hub=S15)
    if make is hard_failures.hostile:  # a lone surrogate cannot stand in JSON, so no failure file holds one
        names = {user: name.replace("\ud800", "") for user, name in failure.plan.names.items()}
        failure = changed(failure, plan=changed(samples.limit(), plan=failure.plan).plan)
        failure = changed(failure, plan=msgspec.structs.replace(samples.RACE, names=names))
    said = pytest_file(failure, tmp_path)
    tree = ast.parse(said)
    plans = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, bytes)]
    assert [plan_from_json(plan) for plan in plans] == [failure.plan]
    assert said.isascii() or make in (samples.crowded, hard_failures.hostile)
    assert [type(node).__name__ for node in tree.body].count("FunctionDef") == 1


def test_it_runs_as_often_as_its_rate_asks_for(tmp_path: Path) -> None:
    assert "TIMES = 1 " in pytest_file(changed(samples.limit(), hub=S15, rate=Rate(20, 20)), tmp_path)
    assert "TIMES = 5 " in pytest_file(changed(samples.limit(), hub=S15, rate=Rate(10, 20)), tmp_path)


def test_a_crash_fails_it_too_as_it_would_excuse_what_came_before(tmp_path: Path) -> None:
    assert 'only=["HF201", "HF502"])' in pytest_file(changed(samples.limit(), hub=S15), tmp_path)
    assert 'only=["HF502"])' in pytest_file(changed(samples.crash(), hub=S15), tmp_path)


def test_a_target_file_is_named_from_where_the_test_lies(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    target = {"name": "t", "url": "ws://127.0.0.1:{port}/ws", "start": ["x"], "source": str(tmp_path / "hubfuzz.toml")}
    said = pytest_file(changed(samples.limit(), target=target), tmp_path / "tests")
    assert 'TARGET = Target.load(Path(__file__).parent / "../hubfuzz.toml")\n' in said
    running = {name: value for name, value in target.items() if name != "start"} | {"url": "ws://127.0.0.1:9/ws"}
    assert '.at("ws://127.0.0.1:9/ws")' in pytest_file(changed(samples.limit(), target=running), tmp_path)


def test_nothing_in_a_failure_file_becomes_code(tmp_path: Path) -> None:
    knobs = {"limit=1)); raise SystemExit(9) #": 1}
    with pytest.raises(DamagedFile, match="knobs"):
        pytest_file(changed(samples.limit(), hub={"bug": None, "knobs": knobs}), tmp_path)
    odd = changed(samples.limit(), hub={"bug": '"); raise SystemExit(9) #'}, code='"]); x=("', fingerprint="../a b\n")
    assert file_name(odd) == "test__a_b_.py"
    calls = [node for node in ast.walk(ast.parse(pytest_file(odd, tmp_path))) if isinstance(node, ast.Raise)]
    assert calls == []
