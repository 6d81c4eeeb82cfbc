"""A hub that silently leaves out what its small queues do not hold is found, if more was declared to fit."""

from __future__ import annotations

import pytest
import trio
from msgspec.structs import replace

pytest.importorskip("websockets")

from correct_hubs import HUBS

from fuzzer.campaign import Options, run_campaign
from fuzzer.driver.session import open_session
from fuzzer.hub.bugs.model import plan, step
from fuzzer.invariants import judge
from fuzzer.plan import Open, Send
from fuzzer.target import Target
from strategies.draw import draw_plans
from strategies.shape import shape_of_target

pytestmark = pytest.mark.targets

WAITING = 32
PLENTY = 1_000_000  # bytes
OPENED = (step(Open("a", "u0"), Open("b", "u0")), step(Send("a", "m0")), step(Send("b", "m1")))  # surely there
BURST = plan(*OPENED, step(Send("a", "m2", count=4 * WAITING)))
TRIES = 5  # a reader may be quick
SEED = 5
HUNT = Options(seconds=60, max_failures=1, shrink_seconds=0)


def target(backlog: int | None = None) -> Target:
    """The hub with queues of ``WAITING`` messages; ``backlog`` is declared, the default if None."""
    hub = HUBS["queue"]()
    policy = hub.policy if backlog is None else replace(hub.policy, backlog=backlog)
    return replace(hub, policy=policy, start=(*(hub.start or ()), "--waiting", str(WAITING)))


def codes_of_bursts(hub: Target) -> set[str]:
    """What is convicted when one sends more at once than fits."""

    async def main() -> set[str]:
        async with open_session(hub) as session:
            verdicts = [judge(await session.execute(BURST)) for _ in range(TRIES)]
            return {finding.code for verdict in verdicts for finding in verdict.violations}

    return trio.run(main)


def test_a_burst_above_the_queue_convicts_who_declared_that_it_fits() -> None:
    assert codes_of_bursts(target(PLENTY)) == {"HF101"}


def test_nobody_is_accused_who_declared_no_more_than_fits() -> None:
    assert codes_of_bursts(target()) == set()


@pytest.mark.slow
def test_hubfuzz_finds_the_queue() -> None:
    hub = target(PLENTY)

    async def hunt() -> set[str]:
        async with open_session(hub) as session:
            result = await run_campaign(session, HUNT, plans=draw_plans(shape_of_target(hub), SEED))
            return {failure.code for failure in result.failures}

    assert trio.run(hunt) == {"HF101"}
