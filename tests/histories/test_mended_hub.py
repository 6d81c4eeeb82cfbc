"""Who mends a hub is told so: a failure of each seeded bug, replayed on the hub without it, is FIXED."""

from __future__ import annotations

import pytest
import trio
from kept import history_of, names, verdicts

from fuzzer.campaign.reproduce import Replayed, replay
from fuzzer.driver.session import Session, open_session
from fuzzer.greeting import greet
from fuzzer.history import History
from fuzzer.hub.bugs import BUGS
from fuzzer.hub.target import embedded_target

BROKEN = [name for name in names() if name.startswith("bug-")]
TRIES = 5  # on a busy machine a run may come to be inconclusive


async def _once_decided(session: Session, failed: History, fingerprint: str) -> Replayed:
    for _ in range(TRIES):
        replayed = await replay(session, failed.plan, fingerprint, 1, recorded=failed)
        if replayed.outcome != "ERROR":
            break
    return replayed


async def _outcomes(name: str) -> dict[str, str]:
    failed = history_of(name)
    mended = embedded_target(None, BUGS[name.removeprefix("bug-")].knobs)
    async with open_session(mended) as session:
        await greet(session)
        return {told: str(await _once_decided(session, failed, told)) for told in verdicts()[name]}


@pytest.mark.campaign
@pytest.mark.parametrize("name", BROKEN)
def test_a_failure_is_fixed_when_its_bug_is(name: str) -> None:
    outcomes = trio.run(_outcomes, name)
    assert outcomes
    assert set(outcomes.values()) == {"FIXED 0/1"}
