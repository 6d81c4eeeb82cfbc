"""Shares are filled up evenly, by sessions side by side, and what cannot be done is told."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.benchmarks.fill import Ledger, parse
from tests.benchmarks.soundness_shares import Share
from tests.benchmarks.trial_files import keep, read_trials

PATIENCE = 60.0
HUBS = ("embedded", "rooms", "storing")


def share(hub: str, plans: int, seed: int = 0, condition: str = "idle") -> Share:
    return Share(hub, condition, seed, plans, 7 * plans, 100.0, {}, {}, {}, "abc")


def ledger(folder: Path, *shares: Share, goal: int = 1000) -> Ledger:
    file = folder / "shares.ndjson"
    for one in shares:
        keep(file, one, "")
    return Ledger(parse(["--seed", "5", "--goal", str(goal), "--keep", str(file)]), HUBS)


def test_the_hub_that_has_the_least_is_next(tmp_path: Path) -> None:
    known = ledger(tmp_path, share("embedded", 300), share("rooms", 200), share("rooms", 900, condition="burn"))
    hubs = [job[0] for job in iter(partial(known.next_job, 400.0), None)]
    assert hubs[:3] == ["storing", "storing", "rooms"]
    assert Counter(hubs) == {"storing": 10, "rooms": 1, "embedded": 1}, "each will have a thousand"


def test_no_seed_is_given_twice(tmp_path: Path) -> None:
    known = ledger(tmp_path, share("storing", 1, seed=6), share("rooms", 10**4), share("embedded", 10**4))
    jobs = [known.next_job(1.0) for _ in range(3)]
    assert [job[1].seed for job in jobs if job is not None] == [5, 7, 8]


def test_what_came_counts_and_not_what_was_expected(tmp_path: Path) -> None:
    known = ledger(tmp_path, share("rooms", 10**4), share("embedded", 10**4), goal=100)
    first = known.next_job(400.0)
    assert first is not None
    assert known.next_job(400.0) is None
    known.add(first, 30)
    again = known.next_job(400.0)
    assert again is not None
    assert again[1].expected == 30
    assert known.plans["storing"] == 30


@pytest.mark.parametrize("condition", ["--pause", "--latency"])
def test_sessions_run_side_by_side_until_the_time_is_over(tmp_path: Path, condition: str) -> None:
    file = tmp_path / "shares.ndjson"
    options = ["--seed", "1", condition, "--hub", "embedded", "--processes", "1", "--sessions", "2"]
    options += ["--goal", "40", "--minutes", "0.1", "--keep", str(file)]
    words = [sys.executable, "-m", "tests.benchmarks.fill", *options]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shares = read_trials(file, Share)
    assert {one.seed for one in shares} == {1, 2}
    assert all(one.plans and not one.violations and one.condition == condition.strip("-") for one in shares)
    assert f"embedded {sum(one.plans for one in shares)}" in done.stdout
