"""All reports of a real run on the embedded hub with a seeded bug, and what is said of those that cannot be written."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import samples
from command import hubfuzz, refusal

from fuzzer.campaign.events import FailureShrunk
from fuzzer.cli.options import kinds_of_report
from fuzzer.cli.reports import Reports
from fuzzer.exit_codes import ExitCode
from fuzzer.hub.target import embedded_target

KINDS = "json,ndjson,junit,html,md,pytest"


def reports(folder: Path, kinds: str) -> Reports:
    class Given:
        report_dir = folder

        def kinds_of_report(self) -> tuple[str, ...]:
            return kinds_of_report(kinds)

    return Reports(Given(), embedded_target())  # type: ignore[arg-type]


def test_a_run_writes_every_report_and_says_where(tmp_path: Path) -> None:
    run = ("run", "--bug", "S15", "--scenario", "limit", "--max-failures", "1", "--seed", "1", "--report", KINDS)
    done = hubfuzz(*run, "--report-dir", "out", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    whole = ["hubfuzz.json", "hubfuzz.ndjson", "hubfuzz.junit.xml", "hubfuzz.html", "hubfuzz.md"]
    each = ["test_HF201_3461cc.py", "HF201-3461cc.html"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(whole + each)
    assert [f"    out/{name}" for name in (*whole, each[0])] == [
        line for line in done.stdout.splitlines() if line.startswith("    out/")
    ]
    suite = ET.parse(tmp_path / "out" / "hubfuzz.junit.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    told = json.loads((tmp_path / "out" / "hubfuzz.json").read_text())
    assert [failure["fingerprint"] for failure in told["failures"]] == ["HF201-3461cc"]
    assert 'href="HF201-3461cc.html"' in (tmp_path / "out" / "hubfuzz.html").read_text()
    assert "hubfuzz replay .hubfuzz/failures/HF201-3461cc.json" in (tmp_path / "out" / "hubfuzz.md").read_text()


def test_a_replay_writes_what_it_saw(tmp_path: Path) -> None:
    hubfuzz("run", "--bug", "S15", "--scenario", "limit", "--max-failures", "1", "--seed", "1", cwd=tmp_path)
    replay = ("replay", "HF201", "--times", "2", "--report", "html,pytest", "--report-dir", "out")
    done = hubfuzz(*replay, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "out/HF201-3461cc.html" in done.stdout
    assert "fails</span> <bdi>2/2</bdi>" in (tmp_path / "out" / "HF201-3461cc.html").read_text()
    assert "in 2 runs" in (tmp_path / "out" / "test_HF201_3461cc.py").read_text()
    (tmp_path / "out" / "HF201-3461cc.html").unlink()
    fixed = hubfuzz(*replay, "--bug", "none", cwd=tmp_path)
    assert fixed.returncode == 0
    assert not (tmp_path / "out" / "HF201-3461cc.html").exists(), "what was not seen again has no page"


@pytest.mark.parametrize(
    ("listed", "said"),
    [("pdf", "there is no report 'pdf'"), ("html,", "a kind is missing in 'html,'"), ("", "a kind is missing in ''")],
)
def test_one_line_for_a_bad_list(listed: str, said: str, tmp_path: Path) -> None:
    line = refusal("run", "--report", listed, cwd=tmp_path)
    assert said in line
    assert "html" in line.partition("there are")[2]


def test_one_line_for_a_bad_list_of_a_replay(tmp_path: Path) -> None:
    assert "there is no report 'md'; there are html, pytest" in refusal("replay", "x", "--report", "md", cwd=tmp_path)


def test_a_list_is_read_in_its_order_and_each_kind_once() -> None:
    assert kinds_of_report(" md, html ,md") == ("md", "html")
    assert kinds_of_report(None) == ()


def test_one_line_for_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    assert "--report-dir" in refusal("run", "--report", "html", "--report-dir", "out", cwd=tmp_path)


def test_a_failure_has_its_page_as_soon_as_it_is_shrunk(tmp_path: Path) -> None:
    handler = reports(tmp_path, "html,pytest")
    handler(FailureShrunk(samples.limit(), "f.json"))
    assert {path.name for path in tmp_path.iterdir()} == {"HF201-3461cc.html", "test_HF201_3461cc.py"}


def test_a_report_that_cannot_be_written_is_told_at_the_end_and_ends_nothing(tmp_path: Path) -> None:
    handler = reports(tmp_path, "html,md")
    (tmp_path / "HF201-3461cc.html").mkdir()
    handler(FailureShrunk(samples.limit(), "f.json"))
    handler(FailureShrunk(samples.loss(), "g.json"))
    assert [path.name for path in tmp_path.glob("HF101*")], "the next one is written"
    handler.finish(samples.with_failures(), ExitCode.FAILURES, ())
    (problem,) = handler.problems
    assert "HF201-3461cc.html: cannot be written" in problem
    assert (tmp_path / "hubfuzz.md").exists()
