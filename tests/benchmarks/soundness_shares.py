"""Soundness in shares of a thousand plans or so, each kept when it ends: tens of thousands fit into the gaps of a week.

A share is one hub, one condition and one seed. The same file may be filled by several runs, one after the other, and on
several machines: what is in it is not run again.
"""

from __future__ import annotations

import argparse
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from fuzzer.values import Value
from tests.benchmarks.runs import Run
from tests.benchmarks.soundness_tables import CONDITIONS
from tests.benchmarks.trial_files import keep, read_trials

SIZE = 1_000
ROOT = Path(__file__).parents[2]


class Share(Value):
    """What ``plans`` plans from ``seed`` showed of a hub; ``seconds`` is wall time, ``revision`` the code's."""

    hub: str
    condition: str
    seed: int
    plans: int
    ops: int
    seconds: float
    obligations: dict[str, int]
    inconclusive: dict[str, int]
    violations: dict[str, int]
    revision: str


def condition(options: argparse.Namespace) -> str:
    """``idle``, ``burn``, ``pause``, ``latency``, or several of them."""
    return "+".join(name for name in CONDITIONS if getattr(options, name)) or "idle"


def missing(options: argparse.Namespace, hubs: Iterable[str]) -> Iterator[tuple[str, argparse.Namespace]]:
    """Hub after hub within seed after seed, so that a part of it is a fair sample: each with its own options."""
    known = {(share.hub, share.condition, share.seed) for share in read_trials(options.keep, Share)}
    size = min(options.share, options.plans)
    for seed in range(options.seed, options.seed + -(-options.plans // size)):
        for hub in hubs:
            if (hub, condition(options), seed) not in known:
                yield hub, argparse.Namespace(**{**vars(options), "plans": size, "seed": seed})


def write(hub: str, options: argparse.Namespace, run: Run) -> None:
    """Keep one share."""
    share = Share(
        hub,
        condition(options),
        options.seed,
        run.plans,
        run.ops,
        round(run.seconds, 1),
        dict(run.obligations),
        dict(run.inconclusive),
        dict(run.violations),
        revision(),
    )
    keep(options.keep, share, f"{hub}: seed {options.seed}: {run.plans} plans in {run.seconds:.0f} s")


def sums(options: argparse.Namespace) -> dict[str, Run]:
    """All that the file holds for this condition, by hub."""
    runs: dict[str, Run] = {}
    for share in _mine(options):
        run = runs.setdefault(share.hub, Run())
        run.plans += share.plans
        run.ops += share.ops
        run.driving += share.seconds
        run.obligations.update(Counter(share.obligations))
        run.inconclusive.update(Counter(share.inconclusive))
        run.violations.update(Counter(share.violations))
    return runs


def origin(options: argparse.Namespace) -> str:
    """How it was gathered, in a line."""
    shares = _mine(options)
    revisions = list(dict.fromkeys(share.revision for share in shares))
    seeds = sorted({share.seed for share in shares})
    hours = sum(share.seconds for share in shares) / 3600
    return (
        f"In shares with seeds from {seeds[0]} to {seeds[-1]}, {hours:.1f} hours in all, "
        f"revision{'s' if len(revisions) > 1 else ''} {', '.join(f'`{one}`' for one in revisions)}."
    )


def _mine(options: argparse.Namespace) -> list[Share]:
    return [share for share in read_trials(options.keep, Share) if share.condition == condition(options)]


def revision() -> str:
    """The commit that is checked out, short; ``unknown`` outside of a clone."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
