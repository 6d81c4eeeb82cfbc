"""Does any judge accuse a hub that is correct by construction? Simulated histories by the thousand.

``python -m tests.benchmarks.simulations [--histories 100000] [--chunk 5000] [--seed 1] [--write README.md]`` plays them
in chunks of a seed each, prints a Markdown table of what every invariant had to check, and exits 1 if any convicted;
the histories that convict are written, and can be judged again by ``hubfuzz check``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from simulated_plans import Case, cases, simulate

from fuzzer.history import History, history_to_json
from fuzzer.invariants import INVARIANTS, judge
from fuzzer.verdict import Verdict
from tests.benchmarks.tables import table, write_between_markers

MARKERS = "simulations"
VIOLATIONS = 1


@dataclass
class Score:
    """What came of all histories so far, by the code of each invariant; ``inconclusive`` counts findings."""

    histories: int = 0
    events: int = 0
    seconds: float = 0.0
    obligations: Counter[str] = field(default_factory=Counter)
    checked_in: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    inconclusive: Counter[str] = field(default_factory=Counter)

    def note(self, history: History, verdict: Verdict) -> None:
        """One more history, judged."""
        self.histories += 1
        self.events += len(history.events)
        for judgement in verdict.judgements:
            self.obligations[judgement.code] += judgement.obligations
            self.checked_in[judgement.code] += judgement.obligations > 0
        self.violations.update(finding.code for finding in verdict.violations)
        self.inconclusive.update(finding.code for finding in verdict.inconclusive)


def play_chunk(number: int, count: int, score: Score, out: Path) -> None:
    """So many histories of one seed."""

    @seed(number)
    @settings(max_examples=count, deadline=None, database=None, phases=(Phase.generate,),
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(cases())
    def play(case: Case) -> None:
        history = simulate(case).history()
        verdict = judge(history)
        score.note(history, verdict)
        for finding in verdict.violations[:1]:
            path = out / f"{finding.fingerprint}-{number}-{score.histories}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(history_to_json(history))
            print(f"VIOLATION {finding.code} {finding.summary}: {path}\n  {case}", file=sys.stderr, flush=True)

    play()


def play_all(options: argparse.Namespace) -> Score:
    """All chunks, one after the other."""
    score, started, number = Score(), time.monotonic(), options.seed
    while score.histories < options.histories:
        play_chunk(number, min(options.chunk, options.histories - score.histories), score, options.out)
        score.seconds, number = time.monotonic() - started, number + 1
        print(f"{score.histories} histories, {score.seconds:.0f} s", file=sys.stderr, flush=True)
    return score


def report(score: Score, options: argparse.Namespace) -> str:
    """The figures as Markdown, with the command that repeats them."""
    asked = f"--histories {options.histories} --chunk {options.chunk} --seed {options.seed}"
    rows = [
        [
            f"{invariant.code} {invariant.name}",
            *(f"{counts[invariant.code]:,}" for counts in (score.obligations, score.checked_in)),
            *(f"{counts[invariant.code]:,}" for counts in (score.inconclusive, score.violations)),
        ]
        for invariant in INVARIANTS
    ]
    return (
        f"{score.histories:,} simulated histories of {score.events:,} events, played and judged in "
        f"{score.seconds:,.0f} s: {sum(score.violations.values())} violations.\n"
        f"`python -m tests.benchmarks.simulations {asked}`\n\n"
        + table(["invariant", "obligations", "histories with any", "inconclusive", "violations"], rows)
    )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--histories", type=int, default=100_000)
    options.add_argument("--chunk", type=int, default=5_000)
    options.add_argument("--seed", type=int, default=1, help="of the first chunk; each next has the next")
    options.add_argument("--out", type=Path, default=Path(".hubfuzz/simulations"))
    options.add_argument("--write", type=Path, help=f"put the table between the {MARKERS} markers of this file")
    return options.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Play, print, and say by the exit code whether anybody was accused."""
    options = parse(arguments)
    score = play_all(options)
    text = report(score, options)
    print(text)
    if options.write:
        write_between_markers(options.write, MARKERS, text)
    return VIOLATIONS if score.violations else 0


if __name__ == "__main__":
    sys.exit(main())
