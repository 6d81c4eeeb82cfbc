"""The report files: JSON that its own types read again, and events a line each."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from histories import H

from fuzzer.campaign.events import FailureFound, Finished, PlanExecuted, Started
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.options import Options, Result, StopReason, Subject, Totals
from fuzzer.campaign.tally import Tally
from fuzzer.exit_codes import ExitCode
from fuzzer.plan import Batch, Open, Plan
from fuzzer.report.json_report import Exercise, RunInfo, json_report, report_from_json
from fuzzer.report.ndjson import NdjsonReport
from fuzzer.verdict import Finding

PLAN = Plan((Batch((Open(conn="a", user="u0"), Open(conn="b", user="u0"))),))
FINDING = Finding("HF201", "violated", "limit", "two “at” once\x1b[31m", "at most 1", "2", dial="policy.limit")
FAILURE = Failure(
    FINDING.fingerprint,
    "HF201",
    PLAN,
    PLAN,
    H().join("a", "b").history(),
    FINDING,
    "limit-exceeded",
    rate=Rate(18, 20),
    shrunk=True,
    notes=("a note",),
)
TALLY = Tally(ops={"open": 2}, obligations={"HF201": 4, "HF302": 0}, deliveries=3)


def result(reason: StopReason, *failures: Failure) -> Result:
    met = dict.fromkeys((f.fingerprint for f in failures), 41)
    totals = Totals(plans=3, scenarios=1, executions=9, seconds=1.23456, exercise=TALLY, met=met)
    return Result(reason, "why", totals, failures, ("HF302",), True, 7)


def info(code: ExitCode, **paths: str) -> RunInfo:
    return RunInfo("hubfuzz run", "2026-01-01T00:00:00+00:00", code, "chat", ("a warning",), (), paths)


@pytest.mark.parametrize(
    ("reason", "complete"), [("time", True), ("plans", True), ("interrupted", False), ("server-unavailable", False)]
)
def test_a_report_is_read_again_as_it_was(reason: StopReason, complete: bool) -> None:
    path = f"failures/{FAILURE.fingerprint}.json"
    text = json_report(result(reason, FAILURE), info(ExitCode.FAILURES, **{FAILURE.fingerprint: path}))
    report = report_from_json(text.encode())
    assert report.complete is complete
    assert (report.exit_code, report.stop_reason, report.seed, report.running_time) == (1, reason, 7, 1.235)
    assert report.exercise == Exercise(ops={"open": 2}, obligations={"HF201": 4, "HF302": 0}, deliveries=3)
    assert report.vacuous == ("HF302",)
    assert report.warnings == ("a warning",)
    (entry,) = report.failures
    assert (entry.fingerprint, entry.summary) == (FAILURE.fingerprint, FINDING.summary)
    assert (entry.count, entry.ops, entry.found_with_ops, entry.rate) == (41, 2, 2, Rate(18, 20))
    assert entry.reproduce == f"hubfuzz replay {path}"
    assert "\x1b" not in text, "control characters are escaped by JSON"


def test_every_key_is_there_however_little_happened() -> None:
    tree = json.loads(json_report(Result("plans", ""), info(ExitCode.ERROR)))
    assert tree["failures"] == []
    assert set(tree["exercise"]) == set(Tally.__struct_fields__), "the report tells all that is tallied"
    assert set(tree["plans"]) == {"plans", "scenarios", "executions", "restarts"}
    unmeasured = msgspec.structs.replace(FAILURE, rate=None)
    (entry,) = json.loads(json_report(result("time", unmeasured), info(ExitCode.FAILURES)))["failures"]
    assert entry["rate"] is None
    assert entry["reproduce"] == ""


@pytest.mark.parametrize("damage", [{"exit_code": "1"}, {"more": 1}, {"stop_reason": "tired"}])
def test_what_is_no_report_is_refused(damage: dict[str, object]) -> None:
    tree = json.loads(json_report(result("time"), info(ExitCode.CLEAN))) | damage
    with pytest.raises(msgspec.ValidationError):
        report_from_json(json.dumps(tree).encode())


def test_events_are_written_one_a_line_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "events.ndjson"
    report = NdjsonReport(path)
    assert not path.exists(), "nothing has happened"
    report(Started(Subject("chat"), Options(seed=7), 6))
    report(FailureFound(FAILURE, "f.json"))
    seen = [json.loads(line) for line in path.read_text().splitlines()]
    assert [event["event"] for event in seen] == ["started", "failure_found"], "flushed before the end"
    report(PlanExecuted(1, "plan 1", 2, 0.1, 0.1, TALLY))
    report(Finished(result("time", FAILURE)))
    report.close()
    report.close()
    seen = [json.loads(line) for line in path.read_text().splitlines()]
    assert [event["event"] for event in seen] == ["started", "failure_found", "plan_executed", "finished"]
    assert '"history"' not in path.read_text(), "histories are in the failure files"
    assert seen[1]["failure"]["fingerprint"] == FAILURE.fingerprint
    assert seen[3]["result"]["failures"][0]["rate"] == {"failed": 18, "runs": 20}
