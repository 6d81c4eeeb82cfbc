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
from fuzzer.invariants import judge
from fuzzer.plan import Plan
from fuzzer.scenarios import SCENARIOS
from fuzzer.target import Target
from strategies.draw import draw_plans
from strategies.shape import shape_of_target

pytestmark = pytest.mark.targets

DRAWN = 8
SEED = 7
# What even these few plans check on every hub; and what, where there is a limit.
ALWAYS_CHECKED = frozenset({"HF101", "HF103", "HF104", "HF111", "HF301", "HF401", "HF501", "HF502"})
CHECKED_WITH_A_LIMIT = frozenset({"HF201", "HF203"})


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
    wanted = ALWAYS_CHECKED | (CHECKED_WITH_A_LIMIT if target.policy.limit else frozenset())
    assert {code for code in wanted if not checked[code]} == set()


def test_all_scenarios_are_there_that_the_limit_leaves_room_for(target: Target) -> None:
    limit = target.policy.limit
    missing = set(SCENARIOS) - {name for name, _ in named_plans(target)}
    assert "limit" not in missing or limit is None
    assert missing <= {"limit"} or (limit is not None and limit.max < 3)
