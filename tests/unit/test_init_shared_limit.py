"""``hubfuzz init`` on a hub whose limit all users share: its own earlier visitors may still hold slots."""

from __future__ import annotations

from typing import Literal

import pytest
import trio
from msgspec.structs import replace

from fuzzer.hub.knobs import Knobs
from fuzzer.hub.target import embedded_target
from fuzzer.init.steps import Step, look
from fuzzer.init.visitor import Visits
from fuzzer.policy import Limit
from fuzzer.target import Target
from fuzzer.target.process import serve


def looked(target: Target) -> dict[str, Step]:
    async def main() -> None:
        async with serve(target) as server, trio.open_nursery() as nursery:
            visits = Visits(target, server.port, nursery, "init-")
            found.update({step.name: step async for step in look(visits)})
            visits.leave()
            nursery.cancel_scope.cancel()

    found: dict[str, Step] = {}
    trio.run(main)
    return found


@pytest.mark.parametrize(("scope", "outcome"), [("global", "ok"), ("ip", "ok"), ("user", "change")])
def test_fewer_than_declared_is_no_contradiction(scope: Literal["user", "ip", "global"], outcome: str) -> None:
    """With so long a delay no slot comes back meanwhile: fewer than six are left for the step about the limit."""
    target = embedded_target(knobs=Knobs(limit=6, scope="global", leave_delay=60.0, release_delay=60.0))
    policy = replace(target.policy, limit=Limit(6, statuses=(429,), scope=scope))
    assert looked(replace(target, policy=policy))["limit"].outcome == outcome
