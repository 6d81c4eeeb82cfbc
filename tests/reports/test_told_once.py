"""At the end of a run: what was taken for another failure is not counted, and is in every output with its own file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import samples
from msgspec.structs import replace

from fuzzer.campaign.failure import Failure, Rate, failure_to_json
from fuzzer.campaign.ledger import AGAIN
from fuzzer.campaign.once import note_in_files, told_once
from fuzzer.campaign.options import Result
from fuzzer.campaign.same import PLAN
from fuzzer.campaign.store import StoreError, read_failure
from fuzzer.cli.tell import closing_of, exit_code
from fuzzer.exit_codes import ExitCode
from fuzzer.hub_failure import hub_failure
from fuzzer.report.files import files_of_run
from fuzzer.report.json_report import RunInfo
from fuzzer.report.summary import summarise

LOSS = samples.loss()
OTHER = replace(
    LOSS,
    finding=replace(LOSS.finding, key="gap:room"),
    fingerprint="HF101-0ther0",
    rate=Rate(8, 14),
    notes=(AGAIN, "a note"),
)
PATHS = {failure.fingerprint: f"failures/{failure.fingerprint}.json" for failure in (LOSS, OTHER)}


def run(*failures: Failure) -> Result:
    return samples.result("time", "30 s are over", *failures)


def test_one_is_told_and_the_other_names_it() -> None:
    result = told_once(run(OTHER, LOSS))
    assert result.failures == (OTHER,)
    (also,) = result.also
    assert (also.fingerprint, also.same_as, also.same_why) == (LOSS.fingerprint, OTHER.fingerprint, PLAN)
    assert exit_code(result) == ExitCode.FAILURES
    assert set(result.violated) == set(PATHS)


def test_nothing_changes_where_there_is_one() -> None:
    assert told_once(run(LOSS, samples.limit())) == run(LOSS, samples.limit())


@pytest.mark.parametrize("kind", ["json", "junit", "md", "html"])
def test_both_are_in_every_report(kind: str) -> None:
    result = told_once(run(OTHER, LOSS))
    info = RunInfo("hubfuzz run", "2026-01-01T00:00:00+00:00", ExitCode.FAILURES, paths=PATHS)
    ((_, text),) = files_of_run([kind], result, info)
    assert LOSS.fingerprint in text
    assert PLAN in text
    assert f"hubfuzz replay failures/{LOSS.fingerprint}.json" in text.replace("&#45;", "-")


def test_both_are_in_the_summary_and_one_is_counted() -> None:
    result = told_once(run(OTHER, LOSS))
    said = "\n".join(line.plain for line in summarise(result, closing_of(result, (), (), PATHS), 200))
    assert f"also seen as {LOSS.fingerprint} delivery (18/20): {PLAN}" in said
    assert all(f"hubfuzz replay {path}" in said for path in PATHS.values())
    assert said.splitlines()[-1].startswith("1 failure in")


def test_both_are_in_the_text_of_a_test() -> None:
    result = told_once(run(OTHER, LOSS))
    error = hub_failure(result.failures, PATHS, result.also)
    assert error.failures == (OTHER,)
    assert f"also seen as {LOSS.fingerprint}" in " ".join(str(error).split())


def test_the_file_names_the_one_that_is_told_until_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    paths = {LOSS.fingerprint: str(path)}
    before = run(OTHER, replace(LOSS, notes=(AGAIN, "a note")))
    after = told_once(before)
    note_in_files(before, after, paths)
    marked = read_failure(path).failure
    assert (marked.same_as, marked.same_why, marked.notes) == (OTHER.fingerprint, PLAN, ("a note",))
    path.unlink()
    note_in_files(run(OTHER, marked), told_once(run(OTHER, marked)), paths)
    assert not path.exists(), "it says so already"
    alone = told_once(run(marked))
    note_in_files(run(marked), alone, paths)
    assert alone.failures[0].same_as == read_failure(path).failure.same_as == ""


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    before = run(OTHER, LOSS)
    with pytest.raises(StoreError, match="cannot be written"):
        note_in_files(before, told_once(before), {LOSS.fingerprint: str(tmp_path / "none" / "f.json")})


def test_yesterdays_files_name_no_reason() -> None:
    tree = msgspec.json.decode(failure_to_json(replace(LOSS, same_as="HF101-aaaaaa")))
    assert "same_why" not in tree
