"""``hubfuzz failures``, and what known and stored failures do to a run."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from command import hubfuzz, refusal

from fuzzer.known import KnownFailure, KnownFailures, read_known, write_known

RUN = ("run", "--bug", "S17", "--plans", "6", "--seed", "1")
TODAY = date.today()
SOON, GONE = str(TODAY + timedelta(days=30)), str(TODAY - timedelta(days=3))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A failure of the embedded hub, as a run leaves it."""
    folder = tmp_path_factory.mktemp("found")
    done = hubfuzz(*RUN, cwd=folder)
    assert done.returncode == 1, done.stdout + done.stderr
    (path,) = (folder / ".hubfuzz" / "failures").glob("*.json")
    return path


@pytest.fixture
def stored(found: Path, tmp_path: Path) -> Path:
    """A copy of it in a folder of its own."""
    folder = tmp_path / ".hubfuzz" / "failures"
    folder.mkdir(parents=True)
    path = folder / found.name
    path.write_bytes(found.read_bytes())
    return path


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_nothing_is_stored_and_nothing_known(tmp_path: Path) -> None:
    done = hubfuzz("failures", cwd=tmp_path)
    assert done.returncode == 0
    assert "no failure is stored" in done.stdout


def test_list_add_and_prune(stored: Path, tmp_path: Path) -> None:
    fingerprint = stored.stem
    listed = hubfuzz("failures", "list", cwd=tmp_path)
    assert fingerprint in listed.stdout
    assert "limit-exceeded" in listed.stdout
    added = hubfuzz("failures", "add", fingerprint.lower(), "--reason", "issue 7", "--expires", SOON, cwd=tmp_path)
    assert added.returncode == 0, added.stderr
    (entry,) = read_known(tmp_path / "known.json").failures
    assert (entry.fingerprint, entry.code, entry.reason, entry.expires) == (fingerprint, "HF201", "issue 7", SOON)
    assert entry.first_seen == json.loads(stored.read_bytes())["found_at"][:10]
    assert "issue 7" in hubfuzz("failures", cwd=tmp_path).stdout
    assert "nothing has expired" in hubfuzz("failures", "prune", cwd=tmp_path).stdout
    write_known(tmp_path / "known.json", KnownFailures((KnownFailure(fingerprint, "HF201", "issue 7", expires=GONE),)))
    assert "expired" in hubfuzz("failures", cwd=tmp_path).stdout
    assert fingerprint in hubfuzz("failures", "prune", cwd=tmp_path).stdout
    assert read_known(tmp_path / "known.json").failures == ()
    assert stored.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("HF201", "--reason", "x"), "HF201-3461cc"),
        (("HF201-3461cc", "--reason", " "), "--reason"),
        (("HF201-3461cc", "--reason", "x", "--expires", "soon"), "--expires"),
        (("HF201-3461cc", "--reason", "x", "--expires", GONE), "is over"),
        (("HF201-3461cc",), "--reason"),
    ],
)
def test_one_line_for_what_cannot_be_added(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    assert said in refusal("failures", "add", *arguments, cwd=tmp_path)
    assert not (tmp_path / "known.json").exists()


@pytest.mark.parametrize("command", [("failures",), ("run", "--known", "known.json"), ("failures", "prune")])
def test_one_line_for_a_damaged_file_of_known_failures(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text("{")
    assert "known.json" in refusal(*command, cwd=tmp_path)
    assert (tmp_path / "known.json").read_text() == "{"


def test_a_damaged_failure_file_is_told_and_the_others_listed(stored: Path, tmp_path: Path) -> None:
    stored.with_name("HF101-abcdef.json").write_text("{")
    done = hubfuzz("failures", cwd=tmp_path)
    assert done.returncode == 2
    assert stored.stem in done.stdout
    assert "HF101-abcdef.json" in done.stderr


def test_a_known_failure_is_shown_and_does_not_fail_the_run(stored: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    write_known(known, KnownFailures((KnownFailure(stored.stem, "HF201", "issue 7", expires=SOON),)))
    done = hubfuzz(*RUN, "--known", "known.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{stored.stem} (issue 7) is known: met" in one_line(done.stdout)
    assert f"{stored.stem} limit-exceeded of an earlier run still fails, as is known" in one_line(done.stdout)
    (entry,) = read_known(known).failures
    assert (entry.first_seen, entry.last_seen) == (str(TODAY), str(TODAY))


def test_a_known_failure_that_has_expired_fails_the_run(stored: Path, tmp_path: Path) -> None:
    write_known(tmp_path / "known.json", KnownFailures((KnownFailure(stored.stem, "HF201", "issue 7", expires=GONE),)))
    done = hubfuzz(*RUN, "--known", "known.json", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{stored.stem} (issue 7) was known until {GONE}: it counts again" in one_line(done.stdout)


def test_no_file_of_known_failures_yet(stored: Path, tmp_path: Path) -> None:
    done = hubfuzz(*RUN, "--known", "known.json", cwd=tmp_path)
    assert done.returncode == 1
    assert not (tmp_path / "known.json").exists()


def on_the_fixed_hub(stored: Path) -> None:
    """As if the failure had been found on the hub without the bug, which has no such failure any more."""
    failure = json.loads(stored.read_bytes())
    failure["target"]["name"], failure["hub"]["bug"] = "embedded hub", None
    stored.write_text(json.dumps(failure))


def test_what_no_longer_fails_is_kept_unless_pruned(stored: Path, tmp_path: Path) -> None:
    on_the_fixed_hub(stored)
    run = ("run", "--plans", "12", "--seed", "1")
    kept = hubfuzz(*run, cwd=tmp_path)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert f"{stored.stem} limit-exceeded no longer fails: kept" in one_line(kept.stdout)
    assert stored.exists()
    pruned = hubfuzz(*run, "--prune", cwd=tmp_path)
    assert pruned.returncode == 0
    assert "its file is removed" in one_line(pruned.stdout)
    assert not stored.exists()


def test_failures_of_other_targets_are_left_alone(stored: Path, tmp_path: Path) -> None:
    done = hubfuzz("run", "--plans", "12", "--seed", "1", "--prune", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 stored failure of other targets not run again" in one_line(done.stdout)
    assert stored.exists()


def test_a_run_of_one_scenario_runs_nothing_else(stored: Path, tmp_path: Path) -> None:
    on_the_fixed_hub(stored)
    done = hubfuzz("run", "--scenario", "lifecycle", "--prune", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert stored.exists()
