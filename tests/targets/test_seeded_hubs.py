"""The eight commonest seeded bugs are found on other servers, too, and nothing is found there without them."""

from __future__ import annotations

from functools import cache
from itertools import islice

import pytest
import trio

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
pytest.importorskip("aiohttp")

from npm import Unavailable, install
from seeded_hubs import SEEDED, STARTS, plan_of, seeded_target

from fuzzer.api import named_plans
from fuzzer.campaign import Options, run_campaign
from fuzzer.driver.session import open_session
from fuzzer.invariants import judge
from fuzzer.plan import Plan
from fuzzer.target.model import Target
from strategies.draw import draw_plans
from strategies.shape import shape_of_target

pytestmark = pytest.mark.targets

HURRY = 0.2  # of the time bounds, so that a silence costs little
TRIES = 12  # races need more than one
DRAWN = 10
SEED = 5
HUNT = Options(seconds=60, max_failures=1, shrink_seconds=0)


@cache
def without_node() -> str:
    """Why there is no Node here; empty if there is."""
    try:
        install()
    except Unavailable as why:
        return str(why)
    return ""


@pytest.fixture(params=STARTS)
def stack(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name == "node-ws" and (why := without_node()):
        pytest.skip(f"SKIPPED HUB: {why}")
    return name


def codes_met(target: Target, plans: list[Plan], wanted: frozenset[str] = frozenset()) -> set[str]:
    """Codes of all violations; ends with the first that is wanted."""

    async def main() -> set[str]:
        met: set[str] = set()
        async with open_session(target) as session:
            for plan in plans:
                met |= {finding.code for finding in judge(await session.execute(plan, HURRY)).violations}
                if met & wanted:
                    break
        return met

    return trio.run(main)


@pytest.mark.parametrize("bug", SEEDED)
def test_the_least_plan_convicts_the_bug(stack: str, bug: str) -> None:
    family = frozenset(SEEDED[bug].family)
    assert codes_met(seeded_target(stack, bug), [plan_of(bug)] * TRIES, family) & family


def test_without_a_bug_nothing_is_found(stack: str) -> None:
    target = seeded_target(stack)
    plans = [plan_of(bug) for bug in SEEDED]
    plans += [plan for _, plan in named_plans(target)]
    plans += islice(draw_plans(shape_of_target(target), SEED), DRAWN)
    assert codes_met(target, plans) == set()


@pytest.mark.slow
@pytest.mark.parametrize("bug", SEEDED)
def test_hubfuzz_finds_the_bug(stack: str, bug: str) -> None:
    target = seeded_target(stack, bug)

    async def hunt() -> set[str]:
        async with open_session(target) as session:
            result = await run_campaign(session, HUNT, plans=draw_plans(shape_of_target(target), SEED))
            return {failure.code for failure in result.failures}

    also = {"HF201"} if bug == "old-end" else set()  # here the slot of the wrong one is given back, too
    assert trio.run(hunt) & (set(SEEDED[bug].family) | also)
