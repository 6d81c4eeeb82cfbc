"""Several seeded bugs in one hub."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import hubfuzz, refusal

from fuzzer.hub.bugs import BUGS
from fuzzer.hub.bugs.combine import seeded
from fuzzer.report.json_report import report_from_json


def test_one_code_is_that_bug() -> None:
    assert seeded("s15") is BUGS["S15"]


def test_pieces_and_knobs_of_all() -> None:
    bug = seeded("S03,s10, S15")
    assert bug.code == "S03,S10,S15"
    assert bug.pieces.broadcaster is BUGS["S03"].pieces.broadcaster
    assert bug.pieces.registry is BUGS["S10"].pieces.registry
    assert bug.pieces.lifecycle is BUGS["S15"].pieces.lifecycle
    assert (bug.knobs.leave_delay, bug.knobs.auth_delay) == (0.02, 0.005)
    assert bug.knobs.limit > 1, "with one connection a user, no broadcast between tabs could ever fail"


@pytest.mark.parametrize(("codes", "said"), [("S01,S03", "broadcaster"), ("S03,S99", "S99"), ("S15,", "''")])
def test_what_cannot_be_combined_is_one_line(codes: str, said: str, tmp_path: Path) -> None:
    assert said in refusal("run", "--bug", codes, cwd=tmp_path)
    assert said in refusal("hub", "--bug", codes, cwd=tmp_path)


@pytest.mark.campaign
@pytest.mark.timeout(300)
def test_three_bugs_in_one_hub_are_three_failures(tmp_path: Path) -> None:
    done = hubfuzz(
        *("run", "--bug", "S03,S10,S15", "--plans", "80"),  # in seconds they would be few or many
        *("--workers", "2", "--seed", "1", "--report", "json"),
        cwd=tmp_path,
        timeout=290,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    report = report_from_json((tmp_path / ".hubfuzz" / "reports" / "hubfuzz.json").read_bytes())
    codes = [failure.code for failure in report.failures]
    assert set(codes) == {"HF101", "HF103", "HF201"}
    assert len(codes) <= 4  # a lost message may show in two ways that least plans do not bring together
    assert all(failure.shrunk for failure in report.failures)
