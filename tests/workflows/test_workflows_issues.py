"""The nightly job keeps an issue for each failure: opened, told each night, closed when it is fixed, opened again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runner import Runner, needs_jq, step

from fuzzer.report.json_report import FixedEntry, report_from_json

STEP = step("nightly", "One issue for each failure")
SCRIPT = STEP["run"]
pytestmark = needs_jq


def night(runner: Runner, *, failing: tuple[str, ...] = (), fixed: tuple[str, ...] = ()) -> None:
    """The step after a night with this report."""
    folder = runner.folder / ".hubfuzz" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    text = {"name": "delivery", "summary": "u0 sent @all,\n#1 is lost"}
    also = [{"fingerprint": "HF102-aaaaaa", "name": "agreement", "why": "why", "reproduce": "hubfuzz replay HF102"}]
    failures = [{"fingerprint": f, "reproduce": f"hubfuzz replay {f}", "also": also, **text} for f in failing]
    gone = [{"fingerprint": f, "name": "delivery", "runs": 20, "path": "", "removed": False} for f in fixed]
    (folder / "hubfuzz.json").write_text(json.dumps({"failures": failures, "fixed": gone}))
    done = runner.run(SCRIPT)
    assert done.returncode == 0, done.stdout + done.stderr


def states(runner: Runner) -> dict[str, tuple[str, int]]:
    """By title: open or closed, and how often something was said."""
    return {issue["title"]: (issue["state"], len(issue["said"])) for issue in runner.issues()}


def test_an_issue_from_its_opening_to_its_end_and_back(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    title, first = "hubfuzz: HF101-aaaaaa delivery", ("HF101-aaaaaa",)
    night(runner, failing=first)
    assert states(runner) == {title: ("open", 1)}
    night(runner, failing=first)
    assert states(runner) == {title: ("open", 2)}, "told again"
    night(runner, fixed=first)
    assert states(runner) == {title: ("closed", 3)}
    assert "(runs without it: 20), by https://example.org/run/1" in runner.issues()[0]["said"][-1]
    night(runner, fixed=first)
    assert states(runner) == {title: ("closed", 3)}, "its file is still there, and it is fixed as before"
    night(runner, failing=first)
    assert states(runner) == {title: ("open", 4)}


def test_each_failure_has_its_own(tmp_path: Path) -> None:
    """The search finds all of an invariant; what has no issue cannot be closed."""
    runner = Runner(tmp_path)
    night(runner, failing=("HF101-aaaaaa", "HF101-bbbbbb"))
    night(runner, failing=("HF101-bbbbbb",), fixed=("HF101-aaaaaa", "HF101-cccccc", "HF101-aaaaaa"))
    assert states(runner) == {
        "hubfuzz: HF101-aaaaaa delivery": ("closed", 2),
        "hubfuzz: HF101-bbbbbb delivery": ("open", 2),
    }


def test_what_a_server_has_sent_is_code(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    night(runner, failing=("HF101-aaaaaa",))
    body = runner.issues()[0]["said"][0]
    assert body.startswith("    u0 sent @all, #1 is lost\n    hubfuzz replay HF101-aaaaaa\n\n")
    assert "\n\nFound by https://example.org/run/1; " in body


def test_what_was_taken_for_a_failure_is_in_its_issue(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    night(runner, failing=("HF101-aaaaaa",))
    (issue,) = runner.issues()
    assert "\nAlso seen as HF102-aaaaaa agreement (why):\n\n    hubfuzz replay HF102\n" in issue["said"][0]


def test_no_issue_where_there_is_no_report(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    assert runner.run(SCRIPT).returncode == 0
    assert runner.issues() == []


def test_it_also_comes_after_a_clean_night() -> None:
    assert STEP["if"].startswith("always()")
    assert "failure" not in STEP["if"]


def test_real_nights_find_a_bug_and_see_that_it_is_fixed(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    fuzz = step("nightly", "Fuzz")["run"]
    assert runner.run(fuzz + " --bug S17").returncode == 1
    (stored,) = (tmp_path / ".hubfuzz" / "failures").glob("*.json")
    assert runner.run(SCRIPT).returncode == 0
    (issue,) = runner.issues()
    assert issue["title"] == f"hubfuzz: {stored.stem} limit-exceeded"
    assert "hubfuzz replay .hubfuzz/failures/" in issue["said"][0]
    mended = tmp_path / "failure.json"
    mended.write_text(_of_the_correct_hub(json.loads(stored.read_text())))
    mended.replace(stored)
    clean = runner.run(fuzz)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    (entry,) = _fixed(tmp_path)
    assert (entry.fingerprint, entry.path) == (stored.stem, f".hubfuzz/failures/{stored.name}")
    assert entry.runs >= 1
    assert runner.run(SCRIPT).returncode == 0
    (issue,) = runner.issues()
    assert issue["state"] == "closed"


def _of_the_correct_hub(failure: dict[str, Any]) -> str:
    """The seeded hub has a name of its own: the same hub is to be fuzzed, without its bug."""
    failure["target"]["name"] = "embedded hub"
    return json.dumps(failure)


def _fixed(folder: Path) -> tuple[FixedEntry, ...]:
    return report_from_json((folder / ".hubfuzz" / "reports" / "hubfuzz.json").read_bytes()).fixed
