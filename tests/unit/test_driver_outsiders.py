"""What the driver says of slots that all users share, and that somebody before the plan may hold still."""

from __future__ import annotations

import os
import signal

import msgspec
import trio

from fuzzer.driver.session import Session, open_session
from fuzzer.history import Outsiders
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.target import embedded_target
from fuzzer.plan import Batch, Open, Plan

PLAN = Plan((Batch((Open("a", "u0"), Open("b", "u0"))),))
LEASE = 30.0


async def told(session: Session) -> Outsiders:
    history = await session.execute(PLAN)
    return next(event for event in history.events if isinstance(event, Outsiders))


def test_what_a_killed_process_had_may_be_in_a_store_still() -> None:
    async def main() -> tuple[Outsiders, Outsiders]:
        target = embedded_target(knobs=Knobs(scope="global"))
        policy = msgspec.structs.replace(target.policy, t_heartbeat=LEASE)
        async with open_session(msgspec.structs.replace(target, policy=policy)) as session:
            first = await told(session)
            os.kill(session.server.pid or 0, signal.SIGKILL)
            await session.restore()
            return first, await told(session)

    before, after = trio.run(main)
    assert (before.earlier, before.left) == (False, 0.0)
    assert after.earlier
    assert 0.0 < after.left < LEASE


def test_those_of_the_control_pair_that_were_ended_for_their_rate_may_hold_slots_still() -> None:
    async def main() -> tuple[bool, bool]:
        target = embedded_target(knobs=Knobs(scope="global"))
        policy = msgspec.structs.replace(target.policy, rate=60)
        async with open_session(msgspec.structs.replace(target, policy=policy)) as session:
            assert await session.control_answers()
            first = await told(session)
            for _ in range(70):  # half of what both may send, and not all of it
                assert await session.control_answers()
            session._stages = 0  # what earlier plans left is not what this is about
            return first.earlier, (await told(session)).earlier

    assert trio.run(main) == (False, True)
