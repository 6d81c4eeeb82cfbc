"""Failure files: atomic, never overwriting what cannot be read, one clear line for everything that is wrong."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from campaign_fakes import CROWD, TWO_TABS, FakeHub, campaign, doubled, of
from campaign_fakes import RACE as BUG

from fuzzer.campaign import Failure, FailureStore, Rate, StoreError, failure_from_json, failure_to_json, read_failure
from fuzzer.campaign.store import replace_file
from fuzzer.values import DamagedFile

NAME = f"{of(doubled)}.json"
# As the first version wrote it, with nothing that has a default: it must be read for ever.
OLD = {
    "format": "hubfuzz-failure/1",
    "fingerprint": "HF103-07060f",
    "code": "HF103",
    "plan": {"batches": [{"ops": [{"op": "open", "conn": "a", "user": "u0"}]}]},
    "original": {"batches": [{"ops": [{"op": "open", "conn": "a", "user": "u0"}]}]},
    "history": {
        "events": [{"e": "open_inv", "t": 0.1, "conn": "a", "user": "u0"}], "policy": {}, "plan": {"batches": []},
    },
    "finding": {"code": "HF103", "strength": "violated", "key": "k", "summary": "s", "expected": "e", "observed": "o"},
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> Failure:
    """A shrunk failure."""
    return campaign(FakeHub((BUG,)), [CROWD]).result.failures[0]


@pytest.fixture(scope="module")
def unshrunk(found: Failure) -> Failure:
    """As it was found."""
    return msgspec.structs.replace(found, plan=found.original, shrunk=False, rate=None)


def test_what_is_written_is_read_again(tmp_path: Path, found: Failure) -> None:
    path = FailureStore(tmp_path / "deep" / "er").write(found)
    assert path.name == NAME
    assert read_failure(path).failure == found == failure_from_json(failure_to_json(found))
    assert str(found.rate) == "20/20"
    assert oct(path.stat().st_mode & 0o777) == "0o644"


def test_the_shrunk_one_replaces_the_unshrunk_one(tmp_path: Path, found: Failure, unshrunk: Failure) -> None:
    store = FailureStore(tmp_path)
    assert store.write(unshrunk) == store.write(unshrunk) == store.write(found)
    assert [stored.failure.plan for stored in store.all()] == [TWO_TABS]


def test_an_unshrunk_one_never_replaces_an_earlier_runs_shrunk_one(
    tmp_path: Path, found: Failure, unshrunk: Failure
) -> None:
    FailureStore(tmp_path).write(found)
    later = FailureStore(tmp_path)
    assert later.write(unshrunk).name == NAME.replace(".json", "-2.json")
    assert len(later.all()) == 2
    assert later.write(found).name == NAME  # and then the provisional file is gone
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


HERE = {"name": "chat", "url": "ws://127.0.0.1:{port}/ws"}


@pytest.mark.parametrize(
    ("change", "beside"),
    [
        ({}, False),
        ({"target": HERE | {"policy": {"echo": "always"}}}, False),
        ({"target": HERE | {"url": "ws://127.0.0.1:49152/ws"}}, False),
        ({"target": HERE | {"name": "other"}}, True),
        ({"target": HERE | {"url": "ws://127.0.0.1:{port}/rooms"}}, True),
        ({"target": HERE | {"url": "wss://chat.test/ws"}}, True),
        ({"target": {}}, True),
        ({"hub": {"bug": "S15"}}, True),
    ],
)
def test_a_failure_of_another_target_is_stored_beside(
    tmp_path: Path, found: Failure, change: dict[str, Any], beside: bool
) -> None:
    first = msgspec.structs.replace(found, target=HERE)
    second = msgspec.structs.replace(first, notes=("later",), **change)
    store = FailureStore(tmp_path)
    plain = store.write(first)
    assert store.write(second).name == (NAME.replace(".json", "-2.json") if beside else NAME)
    assert store.write(second) == store.write(second), "its own file is replaced"
    assert [s.failure for s in store.find(of(doubled))] == ([second, first] if beside else [second])
    assert store.find(of(doubled)) == store.find("hf103") == store.find(str(tmp_path)) == store.all()
    if beside:
        assert read_failure(plain).failure == first
        assert [s.failure for s in store.find(f"{of(doubled)}-2")] == [second]


def test_two_targets_take_turns_and_neither_loses_its_file(tmp_path: Path, found: Failure, unshrunk: Failure) -> None:
    one, other = ({"target": HERE}, {"target": HERE | {"name": "other"}})
    for _ in range(2):
        for fields in (one, other):
            store = FailureStore(tmp_path)
            store.write(msgspec.structs.replace(unshrunk, **fields))
            store.write(msgspec.structs.replace(found, **fields))
    kept = FailureStore(tmp_path).all()
    assert sorted(s.path.name for s in kept) == sorted([NAME, NAME.replace(".json", "-2.json")])
    assert {s.failure.target["name"] for s in kept} == {"chat", "other"}
    assert all(s.failure.shrunk for s in kept)


@pytest.mark.parametrize("there", ["not JSON at all", '{"format": "hubfuzz-failure/9"}', '{"half": ', ""])
def test_what_cannot_be_read_is_never_overwritten(tmp_path: Path, found: Failure, there: str) -> None:
    (tmp_path / NAME).write_text(there)
    path = FailureStore(tmp_path).write(found)
    assert path.name != NAME
    assert (tmp_path / NAME).read_text() == there


def test_another_failure_of_the_same_name_is_kept(tmp_path: Path, found: Failure) -> None:
    other = msgspec.structs.replace(found, fingerprint="HF999-000000")
    (tmp_path / NAME).write_bytes(failure_to_json(other))
    assert FailureStore(tmp_path).write(found).name != NAME
    assert read_failure(tmp_path / NAME).failure == other


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "format is None, this version of hubfuzz reads 'hubfuzz-failure/1'"),
        (b'{"format": "hubfuzz-failure/2"}', "format is 'hubfuzz-failure/2', this version of hubfuzz reads"),
        (b'{"format": "hubfuzz-plan/1", "batches": []}', "format is 'hubfuzz-plan/1'"),
        (b'{"format": "hubfuzz-failure/1", "code": 3}', "not a hubfuzz-failure/1 file"),
        (json.dumps(OLD | {"colour": "red"}).encode(), "colour"),
        (json.dumps(OLD | {"rate": {"failed": "x", "runs": 1}}).encode(), "rate.failed"),
    ],
)
def test_a_damaged_file_gives_one_line_with_its_name(tmp_path: Path, data: bytes, line: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(data)
    with pytest.raises(DamagedFile) as caught:
        read_failure(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    store = FailureStore(tmp_path)
    assert store.all() == ()
    assert store.problems == (str(caught.value),)


def test_an_old_file_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps(OLD))
    failure = read_failure(path).failure
    assert failure.plan.size() == 1
    assert failure.rate is None
    assert not failure.shrunk


def test_a_file_that_is_not_there_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere\.json: cannot be read: No such file or directory$"):
        read_failure(tmp_path / "nowhere.json")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission(tmp_path: Path, found: Failure) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="failures cannot be written there: Permission denied"):
        FailureStore(tmp_path).prepare()
    with pytest.raises(StoreError, match="cannot be written: Permission denied"):
        FailureStore(tmp_path).write(found)


def test_a_file_in_place_of_the_folder(tmp_path: Path, found: Failure) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="failures cannot be written there"):
        FailureStore(tmp_path / "file").prepare()
    with pytest.raises(StoreError, match=r"cannot be written: (Not a directory|File exists)$"):
        FailureStore(tmp_path / "file").write(found)


def test_a_crash_while_writing_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / NAME
    replace_file(path, b"old")

    def crash(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new and longer")
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [(NAME, b"old")]


def test_readers_never_see_half_a_file(tmp_path: Path, found: Failure, unshrunk: Failure) -> None:
    path = FailureStore(tmp_path).write(unshrunk)
    done = threading.Event()

    def write() -> None:
        for failure in [found, unshrunk] * 25:
            replace_file(path, failure_to_json(failure))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set() or not reads:
        assert read_failure(path).failure in (found, unshrunk)
        reads += 1
    writer.join()


def test_finding_by_path_folder_fingerprint_and_code(tmp_path: Path, found: Failure) -> None:
    store = FailureStore(tmp_path)
    path = store.write(found)
    for what in (str(path), str(tmp_path), of(doubled), of(doubled).lower(), "HF103", "hf103"):
        assert [stored.failure for stored in store.find(what)] == [found]
    with pytest.raises(StoreError, match=r"^HF101: no such file or folder, and no failure of this name in "):
        store.find("HF101")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match="no readable failure file in this folder"):
        store.find(str(tmp_path / "empty"))
    (tmp_path / "empty" / "x.json").write_text("?")
    with pytest.raises(StoreError, match=r"x\.json: not JSON"):
        store.find(str(tmp_path / "empty"))


def test_a_rate() -> None:
    assert (str(Rate(3, 20)), Rate(3, 20).share, Rate(0, 0).share) == ("3/20", 0.15, 0.0)
