"""What a run says of the failures of earlier ones: which are surely fixed."""

from __future__ import annotations

from pathlib import Path

from campaign_fakes import CROWD
from histories import H

from fuzzer.campaign.events import StoredLeft, StoredReplayed
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.options import Result, Totals
from fuzzer.campaign.store import FailureStore, Stored
from fuzzer.cli.earlier import Earlier, in_turn
from fuzzer.cli.options import RunOptions
from fuzzer.hub.target import embedded_target
from fuzzer.verdict import Finding

TARGET = embedded_target()


def stored(folder: Path, key: str) -> Stored:
    finding = Finding("HF101", "violated", key, "", "", "")
    history = H().history()
    failure = Failure(finding.fingerprint, "HF101", CROWD, CROWD, history, finding, target={"name": TARGET.name})
    return Stored(FailureStore(folder).write(failure), failure)


def earlier(folder: Path) -> Earlier:
    nothing = dict.fromkeys(RunOptions.__dataclass_fields__)
    options = RunOptions(**{**nothing, "scenario": (), "invariant": (), "skip": (), "prune": False})  # type: ignore[arg-type]
    return Earlier(options, TARGET, FailureStore(folder))


def replayed(item: Stored, rate: Rate, sure: bool = True) -> StoredReplayed:
    return StoredReplayed(item.failure.fingerprint, "delivery", str(item.path), rate, sure)


def fixed(handler: Earlier, **met: int) -> list[str]:
    result = Result("time", "", Totals(met={name.replace("_", "-"): count for name, count in met.items()}))
    return [entry.fingerprint for entry in handler.fixed(result)]


def test_fixed_is_what_surely_fails_no_more(tmp_path: Path) -> None:
    gone, again, unsure = (stored(tmp_path, key) for key in ("gone", "again", "unsure"))
    handler = earlier(tmp_path)
    assert len(handler.stored) == 3
    handler(replayed(gone, Rate(0, 20)))
    handler(replayed(again, Rate(1, 3)))
    handler(replayed(unsure, Rate(0, 2), sure=False))
    assert fixed(handler) == [gone.failure.fingerprint]


def test_what_is_met_later_in_the_run_is_not_fixed(tmp_path: Path) -> None:
    gone = stored(tmp_path, "gone")
    handler = earlier(tmp_path)
    handler(replayed(gone, Rate(0, 20)))
    assert fixed(handler, **{gone.failure.fingerprint.replace("-", "_"): 1}) == []


def test_what_there_was_no_time_for_is_said_by_number(tmp_path: Path) -> None:
    handler = earlier(tmp_path)
    assert handler.closing_lines(Result("time", "")) == ()
    for left in (("HF101-000000",), ("HF101-000001", "HF101-000002")):  # of two workers
        handler(StoredLeft(left))
    (line,) = handler.closing_lines(Result("time", ""))
    assert line.startswith("3 stored failures not run again, and kept: ")


def test_each_run_begins_with_another_one(tmp_path: Path) -> None:
    items = tuple(stored(tmp_path, key) for key in ("a", "b", "c"))
    assert in_turn((), 5) == ()
    assert [in_turn(items, seed)[0] for seed in range(3)] == list(items)
    assert in_turn(items, 4) == (items[1], items[2], items[0])


def test_nor_is_what_has_another_file_that_was_not_run_again(tmp_path: Path) -> None:
    first = stored(tmp_path, "gone")
    second = tmp_path / f"{first.failure.fingerprint}-2.json"
    second.write_bytes(first.path.read_bytes())
    handler = earlier(tmp_path)
    handler(replayed(first, Rate(0, 20)))
    assert fixed(handler) == []
    handler(StoredReplayed(first.failure.fingerprint, "delivery", str(second), Rate(0, 20)))
    assert len(fixed(handler)) == 2
