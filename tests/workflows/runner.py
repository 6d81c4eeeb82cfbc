"""The workflows of the project, and a shell as one of their runners has it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TOOLS = {
    "hubfuzz": f"""#!/bin/sh
exec {sys.executable} -c 'from fuzzer.cli import main; main()' "$@"
""",
    "gh": f"""#!/bin/sh
exec {sys.executable} {Path(__file__).with_name("fake_gh.py")} "$@"
""",
}
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="the step uses jq, which runners have")


def workflow(name: str) -> dict[str, Any]:
    """One of them, by the name of its file."""
    found = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
    assert isinstance(found, dict)
    return found


def steps(name: str) -> list[dict[str, Any]]:
    """Of all its jobs."""
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def step(name: str, title: str) -> dict[str, Any]:
    """The one with this title."""
    return next(step for step in steps(name) if step.get("name") == title)


class Runner:
    """A shell in a folder of its own, with ``gh`` for issues in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tools = folder / "tools"
        tools.mkdir()
        for name, text in TOOLS.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        self.env = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GH_ISSUES": str(folder / "issues.json"),
            "RUN_URL": "https://example.org/run/1",
        }

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """The script with small budgets."""
        small = re.sub(r"--seconds \d+", "--seconds 2", script).replace("--ceiling 1800", "--ceiling 60")
        small = small.replace("--workers auto", "--workers 2").replace(".venv/bin/hubfuzz", "hubfuzz")
        return subprocess.run(
            ["bash", "-e", "-c", small], cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )

    def issues(self) -> list[dict[str, Any]]:
        """What ``gh`` has written down."""
        path = self.folder / "issues.json"
        return json.loads(path.read_text()) if path.exists() else []  # type: ignore[no-any-return]
