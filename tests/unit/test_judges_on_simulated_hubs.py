"""No invariant may accuse a hub that is correct by construction; one wrong step must be convicted (SPEC 2)."""

from __future__ import annotations

import os

from histories import H
from hypothesis import HealthCheck, given, settings
from simulated_plans import Case, cases, simulate

from fuzzer.invariants import judge

EXAMPLES = int(os.environ.get("HUBFUZZ_SIMULATIONS", "250"))
CALM = settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == 250, database=None,
                suppress_health_check=list(HealthCheck))  # fmt: skip


def accused(written: H) -> list[str]:
    return [f"{f.code} {f.summary}: {f.observed} {f.witness}" for f in judge(written.history()).violations]


@CALM
@given(cases())
def test_a_correct_hub_is_never_accused(case: Case) -> None:
    assert accused(simulate(case)) == []
