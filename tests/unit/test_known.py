"""Known failures: what counts, what has expired, and what is no such file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from fuzzer.known import KNOWN_FORMAT, KnownFailure, KnownFailures, read_known, write_known
from fuzzer.values import DamagedFile

TODAY = date(2026, 6, 15)
ENTRY = KnownFailure("HF201-3461cc", "HF201", "issue 7", "2026-01-02", "2026-06-01", "2026-06-15")
OTHER = KnownFailure("HF101-abcdef", "HF101", "by design")


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    write_known(path, KnownFailures((ENTRY, OTHER)))
    assert read_known(path) == KnownFailures((ENTRY, OTHER))
    assert json.loads(path.read_bytes())["format"] == KNOWN_FORMAT


def test_a_file_that_is_not_there_knows_nothing(tmp_path: Path) -> None:
    assert read_known(tmp_path / "known.json") == KnownFailures()


def test_an_entry_holds_up_to_and_with_its_last_day() -> None:
    known = KnownFailures((ENTRY, OTHER))
    assert known.active(TODAY) == (ENTRY, OTHER)
    assert known.active(date(2026, 6, 16)) == (OTHER,)
    assert known.without_expired(date(2026, 6, 16)).failures == (OTHER,)


def test_the_days_on_which_it_was_met_are_kept() -> None:
    known = KnownFailures((ENTRY, OTHER)).seen({"HF101-abcdef"}, TODAY)
    assert known.failures[0] == ENTRY
    assert (known.failures[1].first_seen, known.failures[1].last_seen) == ("2026-06-15", "2026-06-15")
    later = known.seen({"HF101-abcdef"}, date(2026, 7, 1)).failures[1]
    assert (later.first_seen, later.last_seen) == ("2026-06-15", "2026-07-01")


def test_a_fingerprint_is_there_once() -> None:
    known = KnownFailures((ENTRY,)).put(KnownFailure("HF201-3461cc", "HF201", "new reason")).put(OTHER)
    assert [entry.reason for entry in known.failures] == ["by design", "new reason"]


GOOD = {"fingerprint": "HF201-3461cc", "code": "HF201", "reason": "issue 7"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "format"),
        (b'{"format": "hubfuzz-known/9"}', "hubfuzz-known/9"),
        ({**GOOD, "fingerprint": "HF201"}, "HF201-3461cc"),
        ({**GOOD, "code": "HF202"}, "HF202"),
        ({**GOOD, "reason": " "}, "no reason"),
        ({**GOOD, "expires": "next week"}, "2026-12-31"),
        ({**GOOD, "last_seen": "2026-02-30"}, "last_seen"),
        ({**GOOD, "expires": "20261231"}, "expires"),
        ({**GOOD, "expire": "2026-12-31"}, "expire"),
        ([GOOD, GOOD], "twice"),
    ],
)
def test_one_line_for_a_damaged_file(content: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    entries = content if isinstance(content, list) else [content]
    data = content if isinstance(content, bytes) else json.dumps({"format": KNOWN_FORMAT, "failures": entries}).encode()
    path.write_bytes(data)
    with pytest.raises(DamagedFile) as caught:
        read_known(path)
    line = str(caught.value)
    assert line.startswith(str(path))
    assert said in line
    assert "\n" not in line


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="directory"):
        read_known(tmp_path)
