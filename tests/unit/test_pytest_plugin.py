"""Target files and failure files as test items, in pytest runs of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from pytest_runs import ITEMS, ROOT, SCENARIOS, TARGET, collected, folder, run_pytest, set_bug

__all__ = ["folder"]

FAR = {
    "format": "hubfuzz-target/1",
    "name": "far",
    "url": "ws://127.0.0.1:9/{user}",
    "protocol": {
        "kind": "json",
        "publish": '{"id": "{id}", "body": "{body}"}',
        "deliver": {"match": {"type": "message"}, "id": "id", "body": "body"},
    },
}


def test_a_correct_hub_passes_every_item(folder: Path) -> None:
    done = run_pytest(folder, "hubfuzz.toml", "-v")
    assert done.returncode == 0, done.stdout
    for name in ITEMS:
        assert f"hubfuzz.toml::{name} PASSED" in done.stdout
    assert not list(folder.glob(".hubfuzz/failures/*"))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (("-k", "limit"), ["limit"]),
        (("-k", "isolation or tokens"), ["failure-isolation"]),
        (("-k", "not campaign"), [*SCENARIOS, "authentication"]),
        (("-k", "campaign"), ["campaign"]),
        (("hubfuzz.toml::five-tabs",), ["five-tabs"]),
    ],
)
def test_items_are_chosen_as_any_others(folder: Path, choice: tuple[str, ...], expected: list[str]) -> None:
    named = () if "::" in choice[0] else ("hubfuzz.toml",)
    done = run_pytest(folder, *named, *choice, "--collect-only", "-q")
    assert collected(done) == expected


def test_a_failing_item_reads_as_on_the_command_line_and_its_file_replays_until_it_is_fixed(folder: Path) -> None:
    set_bug(folder, "S15")
    done = run_pytest(folder, "hubfuzz.toml", "-k", "limit", "--junit-xml", "report.xml")
    assert done.returncode == 1, done.stdout
    assert "scenario limit: The limit holds" in done.stdout
    assert "But " in done.stdout
    assert "Reproduce  hubfuzz replay .hubfuzz/failures/HF201-" in done.stdout
    assert "FAILED hubfuzz.toml::limit - HF201-" in done.stdout
    assert ".py:" not in done.stdout  # no traceback

    case = ET.parse(folder / "report.xml").getroot().find(".//testcase")
    assert case is not None
    assert case.get("name") == "limit"
    failure = case.find("failure")
    assert failure is not None
    assert (failure.get("message") or "").startswith("HF201-")
    assert "limit-exceeded" in (failure.text or "")

    again = run_pytest(folder, ".hubfuzz/failures")
    assert again.returncode == 1, again.stdout
    assert "limit-exceeded" in again.stdout
    assert "fails " in again.stdout
    assert ".py:" not in again.stdout

    set_bug(folder, None)
    fixed = run_pytest(folder, ".hubfuzz/failures", "-v")
    assert fixed.returncode == 0, fixed.stdout
    assert ".json::HF201-" in fixed.stdout


def test_a_failure_reads_the_same_from_a_worker_of_xdist(folder: Path) -> None:
    set_bug(folder, "S19")
    done = run_pytest(folder, "-p", "xdist", "-n", "1", "hubfuzz.toml", "-k", "cleanup")
    assert done.returncode == 1, done.stdout
    assert "slot-leak" in done.stdout
    assert "Reproduce  hubfuzz replay .hubfuzz/failures/HF203-" in done.stdout
    assert list(folder.glob(".hubfuzz/failures/HF203-*.json"))


def test_a_limit_bug_is_no_failure_of_the_tokens(folder: Path) -> None:
    set_bug(folder, "S15")
    assert run_pytest(folder, "hubfuzz.toml", "-k", "authentication").returncode == 0


def test_x_stops_at_the_first_that_fails(folder: Path) -> None:
    (folder / "hub.py").write_text("raise SystemExit('no licence')")
    done = run_pytest(folder, "hubfuzz.toml", "-x")
    assert "1 error" in done.stdout
    assert "stopping after 1 failures" in done.stdout


def test_workers_of_xdist_share_the_items(folder: Path) -> None:
    done = run_pytest(folder, "-p", "xdist", "-n", "2", "hubfuzz.toml", "-k", "not campaign", "-v")
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout


def test_what_does_not_apply_is_skipped_by_name_and_reason(folder: Path) -> None:
    text = TARGET.replace("limit = {max = 2, statuses = [429]}", "")
    (folder / "hubfuzz.toml").write_text(text)
    done = run_pytest(folder, "hubfuzz.toml", "-k", "limit")
    assert done.returncode == 0, done.stdout
    assert "SKIPPED [1] hubfuzz.toml: limit: the target file declares no policy.limit" in done.stdout


def test_a_timeout_ends_the_item_and_the_next_one_has_a_server_again(folder: Path) -> None:
    done = run_pytest(
        folder, "-p", "pytest_timeout", "--timeout", "2.5", "hubfuzz.toml", "-k", "campaign or authentication", "-v"
    )
    assert "::campaign FAILED" in done.stdout
    assert "::authentication PASSED" in done.stdout
    assert "Timeout" in done.stdout


# ---- what is collected -------------------------------------------------------------------------------------------


def test_a_target_file_that_is_not_named_is_left_alone(folder: Path) -> None:
    assert run_pytest(folder).returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_any_toml_with_a_target_table_can_be_named_and_others_are_not_ours(folder: Path) -> None:
    (folder / "chat.toml").write_text(TARGET)
    (folder / "other.toml").write_text("[tool]\nname = 'x'\n")
    assert len(collected(run_pytest(folder, "chat.toml", "--collect-only", "-q"))) == len(ITEMS)
    other = run_pytest(folder, "other.toml", "--collect-only", "-q")
    assert "hubfuzz" not in other.stdout + other.stderr


def test_failure_files_in_other_folders_are_left_alone_unless_named(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "HF101-abcdef.json").write_text("{}")
    assert run_pytest(folder, "--collect-only").returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert collected(run_pytest(folder, "data", "--collect-only", "-q")) == ["HF101-abcdef"]


def test_the_plugin_costs_nothing_where_it_is_not_used() -> None:
    heavy = ("hypothesis", "trio", "msgspec", "rich", "fuzzer.api")
    code = f"import sys, fuzzer.pytest_plugin; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


# ---- what is wrong -----------------------------------------------------------------------------------------------


def lines_of_error(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What stands below the heading of the only error."""
    body = done.stdout.partition("\n____")[2].partition("short test summary")[0]
    return [line for line in body.splitlines()[1:] if line.strip(" =")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[target", "hubfuzz.toml: broken TOML"),
        (TARGET.replace("deliver =", "delivers ="), "hubfuzz.toml: protocol"),
    ],
)
def test_a_damaged_target_file_is_one_line(folder: Path, text: str, expected: str) -> None:
    (folder / "hubfuzz.toml").write_text(text)
    done = run_pytest(folder, "hubfuzz.toml")
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    (line,) = lines_of_error(done)
    assert expected in line


def test_a_server_that_does_not_start_is_one_line_for_each_item(folder: Path) -> None:
    (folder / "hub.py").write_text("raise SystemExit('no licence')")
    done = run_pytest(folder, "hubfuzz.toml", "-k", "limit or broadcast")
    assert "2 errors" in done.stdout
    assert done.stdout.count("ERROR hubfuzz.toml::") == 2
    assert "no licence" in done.stdout
    assert ".py:" not in done.stdout


def test_counts_that_cannot_be_read_are_asked_for_once(folder: Path) -> None:
    """The first item says so after a while, and no other waits for it again."""
    probe = '[probe]\nmine = {url = "http://127.0.0.1:{port}/stats", path = "conections"}\n'
    (folder / "hubfuzz.toml").write_text(TARGET + probe)
    done = run_pytest(folder, "hubfuzz.toml", "-k", "five-tabs or limit or cleanup")
    assert "1 failed, 5 deselected, 2 errors" in done.stdout, done.stdout
    said = [line for line in done.stdout.splitlines() if line.startswith("probe.mine: GET http://127.0.0.1:")]
    assert len(said) == 3, done.stdout
    assert all(line.endswith("/stats: nothing lies at path 'conections'") for line in said)
    assert ".py:" not in done.stdout  # no traceback


def test_a_server_that_refuses_every_token_is_one_line(folder: Path) -> None:
    text = TARGET.replace('[auth]\nkind = "jwt"\nsecret = "a', '[auth]\nkind = "jwt"\nsecret = "another')
    (folder / "hubfuzz.toml").write_text(text)
    done = run_pytest(folder, "hubfuzz.toml", "-k", "limit")
    assert done.returncode == 1
    (line,) = lines_of_error(done)
    assert "auth" in line


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "not JSON"),
        (json.dumps({"format": "hubfuzz-plan/1"}), "hubfuzz-failure/1"),
        (json.dumps({"format": "hubfuzz-failure/1", "code": 3}), "not a hubfuzz-failure/1 file"),
    ],
)
def test_a_damaged_failure_file_is_one_line_and_stops_no_other(folder: Path, content: str, expected: str) -> None:
    (folder / "HF101-abcdef.json").write_text(content)
    (folder / "test_other.py").write_text("def test_other(): pass")
    done = run_pytest(folder, "HF101-abcdef.json", "test_other.py")
    assert "1 passed, 1 error" in done.stdout, done.stdout
    (line,) = lines_of_error(done)
    assert line.startswith("ERROR ")
    assert "HF101-abcdef.json: " in line
    assert expected in line


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"target": {**FAR, "url": "ws://192.0.2.7:9/{user}"}}, "target.url: 192.0.2.7 is not this machine"),
        ({"target": FAR, "plan": {"format": "hubfuzz-plan/1", "batches": []}}, "damaged plan: no op in it"),
        ({"target": FAR}, "HF201 limit-exceeded is switched off by the policy of far"),
    ],
)
def test_a_failure_that_must_not_or_cannot_be_replayed_is_one_line(
    folder: Path, change: dict[str, object], expected: str
) -> None:
    plan = {"format": "hubfuzz-plan/1", "batches": [{"ops": [{"op": "open", "conn": "a", "user": "u0"}]}]}
    history = {"format": "hubfuzz-history/1", "events": [], "policy": {}, "plan": plan}
    finding = dict.fromkeys(("key", "summary", "expected", "observed"), "") | {"code": "HF201", "strength": "violated"}
    whole = {"format": "hubfuzz-failure/1", "fingerprint": "HF201-abcdef", "code": "HF201", "name": "limit-exceeded"}
    whole |= {"plan": plan, "original": plan, "history": history, "finding": finding, **change}
    (folder / "HF201-abcdef.json").write_text(json.dumps(whole))
    done = run_pytest(folder, "HF201-abcdef.json")
    assert "1 error" in done.stdout, done.stdout
    (line,) = lines_of_error(done)
    assert line.startswith("ERROR ")
    assert expected in line
