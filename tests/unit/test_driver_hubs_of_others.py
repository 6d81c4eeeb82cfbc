"""Whole plans on hubs that do what no seeded bug does: slow ones, ones that ignore, ones that log and go on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import trio

from fuzzer.driver.session import open_session
from fuzzer.history import Control, History
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Open, Plan, Send
from fuzzer.policy import Policy, RateScope
from fuzzer.target.config import JsonProtocol, Match, Probe
from fuzzer.target.model import Target

pytest.importorskip("websockets")

# "slow" is about each message; of more than "rate" of one user (or connection, where no path names one) the rest is
# ignored. It logs an error when so many connections have come.
HUB = """
import asyncio, json, sys
from websockets.asyncio.server import serve

slow, rate, errors = float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
came = 0

async def handle(tab):
    global came
    came += 1
    if came == errors:
        print("Traceback (most recent call last): KeyError", flush=True)
    tabs.add(tab)
    whose = tab.request.path if len(tab.request.path) > 1 else tab
    try:
        async for text in tab:
            said[whose] = said.get(whose, 0) + 1
            if said[whose] <= rate:
                await asyncio.sleep(slow)
                for one in list(tabs):
                    await one.send(text)
    finally:
        tabs.discard(tab)

async def main():
    async with serve(handle, "127.0.0.1", int(sys.argv[1])):
        await asyncio.Future()

tabs, said = set(), {}
asyncio.run(main())
"""


def target(folder: Path, policy: Policy, *, slow: float = 0.0, errors: int = -1) -> Target:
    (folder / "hub.py").write_text(HUB)
    return Target(
        name="other",
        url="ws://127.0.0.1:{port}/" + ("{user}" if policy.rate_scope == "user" else ""),
        start=(sys.executable, "hub.py", "{port}", str(slow), str(policy.rate or 10**6), str(errors)),
        cwd=str(folder),
        protocol=JsonProtocol(
            publish='{"type": "message", "id": "{id}", "body": "{body}"}',
            deliver=Match(match={"type": "message"}, id="id", body="body"),
        ),
        policy=policy,
        probe=Probe(log_errors=("Traceback",)),
    )


def histories(hub: Target, plan: Plan, times: int = 1) -> list[History]:
    async def main() -> list[History]:
        async with open_session(hub) as session:
            assert await session.control_answers()
            return [await session.execute(plan) for _ in range(times)]

    return trio.run(main)


def talk(first: str = "a", wait: float = 0.0, cycles: int = 1) -> Plan:
    opened = Batch((Open(first, "u0"), Open("z", "u1")))
    return Plan((opened, Batch((Send(first, "m0"),), wait=wait)), cycles=cycles)


@pytest.mark.parametrize("name", ["a~b", "alice@phone", "~", "@"])
def test_connections_may_have_any_name(tmp_path: Path, name: str) -> None:
    """So slow that the first fences are given up, and asked for again."""
    hub = target(tmp_path, Policy(group="all", deadline=1.0), slow=0.15)
    assert not judge(histories(hub, talk(name))[0]).violations


def test_an_error_that_is_logged_in_an_early_cycle_is_not_forgotten(tmp_path: Path) -> None:
    verdict = judge(histories(target(tmp_path, Policy(group="all"), errors=3), talk(cycles=3))[0])
    assert [finding.code for finding in verdict.violations] == ["HF502"]


@pytest.mark.parametrize("scope", ["connection", "user"])
def test_the_control_pair_lasts_where_what_is_above_a_rate_is_ignored(tmp_path: Path, scope: RateScope) -> None:
    """Ten messages a connection or a user: many round trips more than that are made while time passes."""
    hub = target(tmp_path, Policy(group="all", rate=10, rate_scope=scope))
    found = [e.ok for history in histories(hub, talk(wait=1.0), 2) for e in history.events if isinstance(e, Control)]
    assert len(found) > 20
    assert all(found)
