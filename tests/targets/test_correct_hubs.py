"""Nothing is found in any correct hub: the six scenarios and some drawn plans, all with something to check."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
import trio

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
pytest.importorskip("aiohttp")
pytest.importorskip("hypercorn")

from correct_hubs import HUBS, Unavailable

from fuzzer.api import named_plans
from fuzzer.driver.session import open_session
from fuzzer.invariants import INVARIANTS, judge
from fuzzer.plan import Plan
from fuzzer.target import Target
from strategies.draw import draw_plans
from strategies.shape import shape_of_target

pytestmark = pytest.mark.targets

DRAWN = 8
SEED = 7
# What needs a rarer plan than these few are: a second message behind a reader that is deaf.
MAY_BE_UNCHECKED = frozenset({"HF302", "HF601"})


@pytest.fixture(params=HUBS)
def target(request: pytest.FixtureRequest) -> Target:
    try:
        return HUBS[request.param]()
    except Unavailable as why:
        pytest.skip(f"SKIPPED HUB: {why}")


def plans(target: Target) -> dict[str, Plan]:
    """Scenarios by name, drawn plans by number."""
    drawn = islice(draw_plans(shape_of_target(target), SEED), DRAWN)
    return {**dict(named_plans(target)), **{f"drawn {n}": plan for n, plan in enumerate(drawn)}}


def test_nothing_is_found_and_everything_is_checked(target: Target) -> None:
    checked: Counter[str] = Counter()

    async def fuzz() -> None:
        async with open_session(target) as session:
            for name, plan in plans(target).items():
                verdict = judge(await session.execute(plan))
                assert not verdict.violations, (name, [f.summary for f in verdict.violations], session.server.tail())
                assert any(judgement.obligations for judgement in verdict.judgements), name
                checked.update({j.code: j.obligations for j in verdict.judgements})

    trio.run(fuzz)
    applicable = {i.code for i in INVARIANTS if i.applies(target.policy)}
    assert {code for code in applicable if not checked[code]} <= MAY_BE_UNCHECKED


def test_the_six_scenarios_are_there_where_the_policy_has_a_limit(target: Target) -> None:
    names = {name for name, _ in named_plans(target)}
    assert names >= {"five-tabs", "broadcast", "lifecycle", "failure-isolation", "cleanup"}
    assert ("limit" in names) == (target.policy.limit is not None)
