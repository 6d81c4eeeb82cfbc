"""The script that plays simulated histories counts what it played, and can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzzer.history import History, history_from_json
from fuzzer.invariants import INVARIANTS
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement, Verdict
from tests.benchmarks import simulations

SMALL = ["--histories", "30", "--chunk", "20", "--seed", "5"]


def test_it_finds_nothing_and_says_what_every_invariant_had_to_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("<!-- simulations:begin -->\nold\n<!-- simulations:end -->\n")
    assert simulations.main([*SMALL, "--out", str(tmp_path / "no"), "--write", str(readme)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("30 simulated histories of ")
    assert "`python -m tests.benchmarks.simulations --histories 30 --chunk 20 --seed 5`" in said
    assert all(f"| {invariant.code} {invariant.name} " in said for invariant in INVARIANTS)
    assert said.strip() in readme.read_text()
    assert not (tmp_path / "no").exists()


def test_an_accusation_fails_and_leaves_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that accuses whoever declares a limit."""

    def wrong(history: History) -> Verdict:
        finding = Finding("HF201", "violated", "limit", "said", "expected", "observed")
        return Verdict((Judgement("HF201", 1, (finding,) if history.policy.limit else ()),))

    monkeypatch.setattr(simulations, "judge", wrong)
    assert simulations.main([*SMALL, "--out", str(tmp_path)]) == 1
    kept = list(tmp_path.iterdir())
    assert kept
    assert all(history_from_json(path.read_bytes()).policy.limit != Policy().limit for path in kept)
