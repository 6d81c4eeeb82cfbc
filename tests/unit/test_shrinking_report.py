"""The table of the shrinking benchmark, on campaigns made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzzer.campaign import Rate
from tests.benchmarks.shrinking import Shrinking, by_bug, report, summary, told
from tests.benchmarks.trial_files import read_trials


def campaign(bug: str, ops: int, least: int, failed: int = 20, seconds: float = 5.0, seed: int = 0) -> Shrinking:
    return Shrinking(bug, seed, 300.0, 1.5, least, "HF101", 30, ops, seconds, 100, Rate(failed, 20))


MISSED = Shrinking("S16", 0, 300.0, None, 3)


def test_the_summary_counts_what_is_least_what_is_far_over_and_what_is_sure() -> None:
    done = [campaign("S01", 3, 4, 18, 9.0), campaign("S02", 5, 3, 17, 1.0), campaign("S03", 6, 3, 20, 4.0)]
    text = summary([*done, MISSED], done)
    assert text.startswith("4 campaigns, 3 with a failure.")
    assert "least known plan: 1 of 3" in text
    assert "more than 2 ops over: 1." in text
    assert "takes long): 2 of 3." in text
    assert "4.0 s in the median" in text


def test_each_bug_has_a_row_of_medians_in_the_order_of_the_list() -> None:
    rows = [
        campaign("A4", 2, 2),
        *(campaign("S02", ops, 3, failed, seed=ops) for ops, failed in ((9, 2), (3, 20), (4, 10))),
    ]
    _, _, first, second = by_bug(rows).splitlines()
    assert [cell.strip() for cell in first.strip("| ").split("|")] == [
        "S02",
        "3",
        "1.5",
        "30",
        "4",
        "3",
        "5.0",
        "10/20",
    ]
    assert second.startswith("| A4 ")


def test_what_was_written_is_read_again_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from fuzzer.values import encode

    path, readme = tmp_path / "trials.ndjson", tmp_path / "README.md"
    path.write_bytes(encode(campaign("S01", 3, 4)) + b"\n" + encode(MISSED) + b"\n")
    readme.write_text("<!-- shrinking:begin -->\n<!-- shrinking:end -->\n")
    trials = read_trials(path, Shrinking)
    assert [told(trial) for trial in trials] == [
        "HF101 after 1.5 s, 30 ops shrunk to 3, least 4, in 5.0 s, fails 20/20", "not found",
    ]  # fmt: skip
    assert report(trials, readme) == 0
    assert "| S01 |" in readme.read_text()
    assert report([MISSED], None) == 2
    assert "found anything" in capsys.readouterr().out
