"""The checks of a night can fail, each for its own reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from command import hubfuzz

from fuzzer.campaign.store import FailureStore
from tests.benchmarks.nightly import SHARE_OF_MOST, _flat
from tests.benchmarks.nightly_checks import checks_of_reports

ROOT = Path(__file__).parents[2]
FAMILIES = (("HF201",),)
NAMES = {
    "json": "the JSON report has them",
    "junit.xml": "JUnit has them",
    "html": "HTML has them, a page for each",
    "md": "Markdown has them, a diagram for each",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night with one bug, in short."""
    folder = tmp_path_factory.mktemp("night")
    budget = ("--plans", "6", "--seed", "1", "--shrink-seconds", "5")
    done = hubfuzz("run", "--bug", "S17", *budget, "--report", "json,junit,html,md", cwd=folder)
    assert done.returncode == 1, done.stdout + done.stderr
    return folder


def failed(folder: Path, families: tuple[tuple[str, ...], ...] = FAMILIES) -> list[str]:
    stored = [item.failure for item in FailureStore(folder / ".hubfuzz" / "failures").all()]
    return [check.name for check in checks_of_reports(folder, stored, families) if not check.good]


def test_what_is_as_it_should_be(found: Path) -> None:
    assert failed(found) == []


@pytest.mark.parametrize("families", [(), (("HF101",),), (("HF201",), ("HF103",))], ids=["none", "other", "more"])
def test_another_number_of_bugs_or_another_bug(found: Path, families: tuple[tuple[str, ...], ...]) -> None:
    assert failed(found, families) == ["one failure for each bug is stored"]


@pytest.mark.parametrize("kind", NAMES)
def test_a_report_that_leaves_one_out(found: Path, kind: str) -> None:
    path = found / ".hubfuzz" / "reports" / f"hubfuzz.{kind}"
    text = path.read_text()
    try:
        path.write_text(text.replace("HF201-", "HF999-"))
        assert failed(found) == [NAMES[kind]]
    finally:
        path.write_text(text)


def test_memory_that_grows() -> None:
    flat = [(float(at), 100) for at in range(40)]
    assert _flat(flat).good
    assert not _flat([(at, size + int(at) * SHARE_OF_MOST * 10) for at, size in flat]).good


def test_the_script_says_what_it_wants() -> None:
    words = [sys.executable, "-m", "tests.benchmarks.nightly", "--help"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--seconds" in done.stdout
