"""What ``hubfuzz replay`` writes of what came in place of a failure, and that it goes on to the next."""

from __future__ import annotations

from pathlib import Path

import pytest
import samples
from outputs import Run

from fuzzer.campaign.failure import Failure, Rate, failure_to_json
from fuzzer.campaign.reproduce import Replayed
from fuzzer.cli import replay


def test_what_came_in_place_of_a_failure_has_its_reports(
    hubfuzz: Run, stored: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "_run", lambda *_: replay.Measured(samples.seen_otherwise(20), Rate(0, 20)))
    monkeypatch.setattr(replay, "target_for", lambda *_: None)
    said = hubfuzz("replay", "failures", "--report", "html,pytest", "--report-dir", "reports")
    other = samples.loss().fingerprint
    assert f"reports/{other}.html" in said
    page = Path(f"reports/{other}.html").read_text()
    assert "19/20" in page
    assert "this was a replay of HF201-3461cc" in page
    assert len(list(Path("reports").glob("*.html"))) == len(list(Path("reports").glob("test_*.py"))) == 2


def test_an_error_of_hubfuzz_itself_does_not_end_the_replay_of_a_folder(
    hubfuzz: Run, stored: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "target_for", lambda *_: None)
    Path("failures/HF201-0.json").write_bytes(failure_to_json(stored))
    ends = iter([ZeroDivisionError("judge"), None])

    def run(*_: object) -> replay.Measured:
        if error := next(ends):
            raise error
        return replay.Measured(Replayed(Rate(0, 20)), Rate(0, 20))

    monkeypatch.setattr(replay, "_run", run)
    said = hubfuzz("replay", "failures")
    assert "ERROR         HF201-3461cc limit-exceeded\nFIXED 0/20" in said
    assert "hubfuzz: HF201-3461cc: internal error: ZeroDivisionError: judge (traceback in .hubfuzz/errors/" in said
    assert said.endswith("exit code 2\n")
