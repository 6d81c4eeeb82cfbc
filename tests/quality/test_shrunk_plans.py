"""Seeded bugs shrink from plans in which much else happens: order bugs to the least known plan, all to about that."""

from __future__ import annotations

import pytest
import trio
from msgspec.structs import replace

from fuzzer.campaign import Options, Result, run_campaign
from fuzzer.campaign.symbols import tidy
from fuzzer.driver.session import open_session
from fuzzer.hub.bugs import BUGS
from fuzzer.hub.target import embedded_target
from fuzzer.plan import Batch, Close, Open, Plan, Send

pytestmark = pytest.mark.campaign

ORDER_BUGS = ("S05", "S10", "S12", "S15", "S24")
OTHERS = tuple(code for code in BUGS if code not in ORDER_BUGS)
MORE_SECONDS = 5  # times as many for a plan of many cycles, each of which waits for what is late to be released
SLACK = 2  # ops: what the time for shrinking may leave in a plan of a race, or in one that waits
BUDGET = Options(seconds=None, plans=6, max_failures=1, shrink_seconds=40)


def padded(plan: Plan) -> Plan:
    """The same, with other users who come, talk and go before, meanwhile and after."""
    before = (
        Batch((Open("p", "other"), Open("q", "third"))),
        Batch((Send("p", "p0", size=30), Send("q", "q0", count=2))),
    )
    meanwhile = tuple(
        replace(batch, ops=(*batch.ops, Send("p", f"p{number}"))) for number, batch in enumerate(plan.batches, start=1)
    )
    after = Batch((Send("q", "q1"), Open("r", "other"))), Batch((Close("p"), Send("r", "r0")))
    return tidy(Plan((*before, *meanwhile, *after), schedule_seed=9, cycles=plan.cycles))


async def shrunk(code: str) -> Result:
    async with open_session(embedded_target(code)) as session:
        patience = MORE_SECONDS if BUGS[code].least.cycles > 1 else 1
        budget = replace(BUDGET, shrink_seconds=patience * BUDGET.shrink_seconds)
        return await run_campaign(session, budget, plans=[padded(BUGS[code].least)] * 6)


@pytest.mark.parametrize("code", ORDER_BUGS)
def test_an_order_bug_shrinks_to_its_least_plan(code: str) -> None:
    bug = BUGS[code]
    assert padded(bug.least).size() > bug.least.size() + 8
    (failure,) = trio.run(shrunk, code).failures
    assert failure.code in bug.family
    assert failure.shrunk
    assert failure.plan.size() <= bug.least.size()
    assert failure.rate is not None
    assert failure.rate.failed


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("code", OTHERS)
def test_every_other_bug_shrinks_to_about_its_least_plan(code: str) -> None:
    bug = BUGS[code]
    failures = [failure for failure in trio.run(shrunk, code).failures if failure.code in bug.family]
    assert min(failure.plan.size() for failure in failures) <= bug.least.size() + SLACK
