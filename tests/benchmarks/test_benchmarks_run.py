"""The benchmark scripts still run; what they measure is nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fuzzer.history import history_from_json
from fuzzer.invariants import judge

pytest.importorskip("websockets")

ROOT = Path(__file__).parents[2]
SOUNDNESS = [sys.executable, "-m", "tests.benchmarks.soundness"]


def test_speed_drives_the_scenario_with_every_client_and_writes_where_the_markers_are(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("above\n<!-- speed:begin -->\nold\n<!-- speed:end -->\nbelow\n")
    command = [sys.executable, "-m", "tests.benchmarks.speed", "--rounds", "1", "--seconds", "0.05", "--plans", "0.2"]
    done = subprocess.run([*command, "--write", str(readme)], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    text = readme.read_text()
    assert text.startswith("above\n<!-- speed:begin -->\n")
    assert text.endswith("<!-- speed:end -->\nbelow\n")
    assert "old" not in text
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 6 + 3, "head, rule and four clients; head, rule and one campaign"


def test_soundness_finds_nothing_in_a_correct_hub_while_all_cores_are_busy(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.soundness", "--plans", "3", "--hub", "embedded", "--burn"]
    done = subprocess.run([*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (0, "", [])
    assert done.stdout.splitlines()[-1].startswith("| embedded |     3 |")


@pytest.mark.parametrize("condition", ["--pause", "--latency"])
def test_soundness_finds_nothing_in_a_server_that_stands_still_or_is_far_away(tmp_path: Path, condition: str) -> None:
    readme = tmp_path / "README.md"
    name = f"soundness-{condition.strip('-')}"
    readme.write_text(f"above\n<!-- {name}:begin -->\nold\n<!-- {name}:end -->\nbelow\n")
    command = [*SOUNDNESS, "--plans", "3", "--hub", "embedded", condition, "--write", str(readme)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "no")], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stderr, (tmp_path / "no").exists()) == (0, "", False)
    text = readme.read_text()
    assert "| embedded |     3 |" in text
    assert f"`python -m tests.benchmarks.soundness --plans 3 --hub embedded {condition} --write" in text
    assert "old" not in text


def test_soundness_goes_on_where_it_ended_and_sums_up_what_it_kept(tmp_path: Path) -> None:
    kept, readme = tmp_path / "kept.ndjson", tmp_path / "README.md"
    readme.write_text("<!-- soundness:begin -->\n<!-- soundness:end -->\n")
    command = [*SOUNDNESS, "--hub", "embedded", "--keep", str(kept), "--out", str(tmp_path / "no")]
    for plans, seed, lines in (("3", "5", 1), ("3", "6", 2), ("3", "6", 2)):
        done = subprocess.run(
            [*command, "--plans", plans, "--seed", seed, "--write", str(readme)],
            cwd=ROOT, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert len(kept.read_text().splitlines()) == lines
    assert "| embedded |     6 |" in readme.read_text()
    assert "seeds from 5 to 6" in readme.read_text()


@pytest.mark.timeout(300)
@pytest.mark.targets
@pytest.mark.parametrize("name", ["close-reply", "handshake"])
def test_a_judge_that_is_wrong_on_purpose_accuses_a_correct_hub_and_is_noticed(name: str) -> None:
    command = [*SOUNDNESS, "--plans", "500", "--until", "1", "--unsound", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250)
    assert (done.returncode, done.stderr) == (1, "")
    *_, plans, accused, rightly = (cell.strip() for cell in done.stdout.splitlines()[-1].strip("| ").split("|"))
    assert int(plans) <= 500
    assert (int(accused) > 0, rightly) == (True, "0")


def test_soundness_writes_the_history_that_convicts_and_exits_1(tmp_path: Path) -> None:
    wrong = "from functools import partial\nfrom fuzzer.hub.target import embedded_target\n"
    wrong += "from tests.benchmarks import soundness\n"
    wrong += "soundness.HUBS['embedded'] = partial(embedded_target, 'S15')\nraise SystemExit(soundness.main())"
    command = [sys.executable, "-c", wrong, "--plans", "25", "--hub", "embedded", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1, done.stderr
    files = sorted(tmp_path.iterdir())
    assert files
    for path in files:
        history = history_from_json(path.read_bytes(), str(path))
        assert judge(history).violations


def test_a_hub_that_breaks_costs_the_others_nothing_and_is_told(tmp_path: Path) -> None:
    broken = "from tests.benchmarks import soundness\n"
    broken += "def rooms(): raise RuntimeError('no such hub')\n"
    broken += "soundness.HUBS['rooms'] = rooms\nraise SystemExit(soundness.main())"
    kept = tmp_path / "kept.ndjson"
    hubs = ["--hub", "rooms", "--hub", "embedded", "--jobs", "2", "--keep", str(kept)]
    command = [sys.executable, "-c", broken, "--plans", "4", "--share", "2", *hubs, "--out", str(tmp_path / "no")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 2, done.stderr
    assert "BROKEN: rooms, seed 0: RuntimeError: no such hub" in done.stderr
    assert "Skipped: rooms, seed 1: RuntimeError: no such hub." in done.stdout
    assert len(kept.read_text().splitlines()) == 2


def test_soundness_ends_in_time_with_what_there_is(tmp_path: Path) -> None:
    kept = tmp_path / "kept.ndjson"
    command = [*SOUNDNESS, "--hub", "embedded", "--keep", str(kept), "--minutes", "0.15", "--plans", "5000"]
    done = subprocess.run([*command, "--share", "4000"], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert len(kept.read_text().splitlines()) == 1
    assert "| embedded |" in done.stdout


def test_shrinking_goes_on_where_it_ended_and_writes_its_table(tmp_path: Path) -> None:
    out, readme = tmp_path / "trials.ndjson", tmp_path / "README.md"
    readme.write_text("above\n<!-- shrinking:begin -->\nold\n<!-- shrinking:end -->\n")
    module = [sys.executable, "-m", "tests.benchmarks.shrinking"]
    running = [*module, "run", "--bug", "S15", "--seconds", "60", "--out", str(out)]
    for trials in ("1", "2"):
        done = subprocess.run([*running, "--trials", trials], cwd=ROOT, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("\n") == 1, "what is known is not run again"
    done = subprocess.run(
        [*module, "report", str(out), "--write", str(readme)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "old" not in readme.read_text()
    assert "| S15 |         2 |" in readme.read_text()
