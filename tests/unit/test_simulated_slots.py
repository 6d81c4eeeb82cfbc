"""The simulated hubs are correct: with a store that outlives them, and with two processes, they keep their limit."""

from __future__ import annotations

import pytest
from simulated_plans import Case, Step, simulate
from simulated_world import Ways

from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy

SEEDS = range(20)
STORE = Case(
    Policy(limit=Limit(3, codes=(1008,), scope="global"), deadline=1.0, t_release=0.6, t_detect=0.8, t_heartbeat=1.5),
    Ways(keeps_store=True),
    seed=0,
    pauses=(),
    freezes=(),
    steps=(Step("open", 0, 0, 0.3), Step("kill", 0, 0, 0.03), Step("kill", 0, 1, 0.3)),
    cycles=3,
)
TWO_PROCESSES = Case(
    Policy(limit=Limit(3, "evict-any", codes=(4009,), scope="ip"), deadline=1.0, t_evict=0.4, t_release=0.6),
    Ways(processes=True),
    seed=0,
    pauses=(),
    freezes=(),
    steps=(*[Step("open", 0, 0, 0.1)] * 3, *[Step("fence", 0, 1, 0.3)] * 2),
)


@pytest.mark.parametrize("case", [STORE, TWO_PROCESSES], ids=["store", "two processes"])
def test_they_keep_their_limit(case: Case) -> None:
    verdicts = [judge(simulate(case._replace(seed=seed)).history()) for seed in SEEDS]
    assert any(judgement.code == "HF201" and judgement.obligations for v in verdicts for judgement in v.judgements)
    assert [finding.summary for v in verdicts for finding in v.violations] == []
