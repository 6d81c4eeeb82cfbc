"""Each seeded bug is convicted by its least known plan, under the right name; the same plan acquits the correct hub."""

from __future__ import annotations

import pytest
import trio

from fuzzer.driver.session import open_session
from fuzzer.hub.bugs import BUGS
from fuzzer.hub.target import embedded_target
from fuzzer.invariants import judge
from fuzzer.plan import Plan
from fuzzer.target.model import Target

HURRY = 0.2  # of the time bounds, so that a silence costs little
TRIES = 50  # races need more than one: two openings have to fall into 3 ms (A4), also on a machine with much else to do


def codes_met(target: Target, plan: Plan, wanted: frozenset[str], tries: int) -> set[str]:
    """Codes of all violations of up to ``tries`` executions; ends with the first that is wanted."""

    async def main() -> set[str]:
        met: set[str] = set()
        async with open_session(target) as session:
            for _ in range(tries):
                history = await session.execute(plan, HURRY)
                met |= {finding.code for finding in judge(history).violations}
                if met & wanted:
                    break
        return met

    return trio.run(main)


@pytest.mark.parametrize("code", BUGS)
def test_the_least_plan_convicts_the_bug(code: str) -> None:
    bug = BUGS[code]
    assert codes_met(embedded_target(code), bug.least, frozenset(bug.family), TRIES) & set(bug.family)


@pytest.mark.parametrize("code", BUGS)
def test_the_least_plan_acquits_the_correct_hub(code: str) -> None:
    bug = BUGS[code]
    assert not codes_met(embedded_target(None, bug.knobs), bug.least, frozenset(), 3)
