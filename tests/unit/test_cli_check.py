"""``hubfuzz check`` on a folder: each file is judged, whatever the others hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from histories import H

from fuzzer import invariants
from fuzzer.cli.app import call
from fuzzer.exit_codes import ExitCode, of_all
from fuzzer.history import History, history_to_json
from fuzzer.verdict import Verdict

GOOD = H().join("a", "b").send("m", "a").got("m", "a", "b").history()
BAD = H().join("a", "b").send("m", "a").got("m", "b", "b").history()
DAMAGED = H().join("c").history()


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Judge these histories, files of one folder; a judge cannot make sense of the damaged one."""
    real = invariants.judge

    def judge(history: History, **which: tuple[str, ...]) -> Verdict:
        if history == DAMAGED:
            raise KeyError("c9")
        return real(history, **which)

    monkeypatch.setattr(invariants, "judge", judge)
    monkeypatch.chdir(tmp_path)

    def act(*histories: History) -> int:
        (tmp_path / "saved").mkdir()
        for number, history in enumerate(histories):
            (tmp_path / "saved" / f"{number}.json").write_bytes(history_to_json(history))
        return call(["check", "saved", "--invariant", "HF103"])

    return act


def test_a_history_that_no_judge_understands_is_named_and_the_others_are_judged(
    judged: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert judged(DAMAGED, GOOD, DAMAGED) == 2
    said = capsys.readouterr()
    first, second = said.err.splitlines()
    assert first.startswith("hubfuzz: saved/0.json: cannot be judged: internal error: KeyError: 'c9' (traceback in ")
    assert second.startswith("hubfuzz: saved/2.json: cannot be judged: ")
    assert "OK        saved/1.json" in said.out
    assert sum(path.read_text().count("KeyError: 'c9'") for path in tmp_path.glob(".hubfuzz/errors/*")) == 2


def test_a_violation_counts_more_than_what_cannot_be_judged(judged: Callable[..., int]) -> None:
    assert judged(DAMAGED, BAD, GOOD) == 1


@pytest.mark.parametrize(("codes", "code"), [((0, 0), 0), ((0, 2, 0), 2), ((2, 1), 1), ((1, 0, 2), 1)])
def test_the_code_of_several_files(codes: tuple[int, ...], code: int) -> None:
    assert of_all(tuple(map(ExitCode, codes))) == code
