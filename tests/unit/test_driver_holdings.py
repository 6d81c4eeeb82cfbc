"""What a server holds that grows with every cycle, where the server itself counts nothing."""

from __future__ import annotations

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from fuzzer.driver.holdings import needs_another_look, until_moved
from fuzzer.driver.session import Session, open_session
from fuzzer.history import Abort, History, Phase, Probe
from fuzzer.hub.bugs import BUGS
from fuzzer.hub.target import embedded_target
from fuzzer.invariants import judge
from fuzzer.plan import Plan
from fuzzer.target.model import Target

LEAST = replace(BUGS["S39"].least, cycles=9)
SOON = {"t_release": 0.5, "t_detect": 0.5}


def target(bug: str | None) -> Target:
    """The embedded hub, which is not asked for its counts."""
    hub = embedded_target(bug, BUGS["S39"].knobs)
    policy = replace(hub.policy, resources=True, **SOON)
    return replace(hub, probe=replace(hub.probe, counts={}), policy=policy)


def run(bug: str | None, plan: Plan = LEAST, kind: type[Session] = Session) -> History:
    async def alone() -> History:
        async with open_session(target(bug), kind) as session:
            return await session.execute(plan, hurry=0.3)

    return trio.run(alone)


def readings(history: History, name: str) -> list[tuple[int, Probe]]:
    found = [(i, e) for i, e in enumerate(history.events) if isinstance(e, Probe) and e.when == "cycle"]
    return [(i, e) for i, e in found if e.name == name]


def rests(history: History) -> list[int]:
    return [i for i, e in enumerate(history.events) if isinstance(e, Phase) and e.name == "rest"]


def test_a_leak_is_proved_by_a_last_reading_when_all_must_be_released() -> None:
    history = run("S39")
    (rest,) = rests(history)
    places = [i for i, _ in readings(history, "process.fds")]
    assert len(places) == LEAST.cycles
    assert places[:-1] == sorted(places[:-1])
    assert places[-2] < rest < places[-1]
    assert [(f.code, f.key, f.strength) for f in judge(history).violations] == [("HF402", "process.fds", "violated")]


def test_nobody_waits_where_nothing_has_grown() -> None:
    history = run(None)
    assert not rests(history)
    assert len(readings(history, "process.fds")) == LEAST.cycles
    assert not judge(history).violations


class LetsGoLate(Session):
    """Of what is open in the first place a little more is seen each time, until somebody waits."""

    grown = 0

    async def execute(self, plan: Plan, hurry: float = 1.0) -> History:
        real, wait = self.server.resources, self._look_again

        def late() -> dict[str, int]:
            found = real()
            return {**found, "fds": found["fds"] + LetsGoLate.grown}

        async def settled(stage, kept, hurry):  # type: ignore[no-untyped-def]
            LetsGoLate.grown = 0
            return await wait(stage, kept, hurry)

        self.server.resources, self._look_again = late, settled  # type: ignore[method-assign]
        return await super().execute(plan, hurry)

    async def _stage_of(self, *args):  # type: ignore[no-untyped-def]
        LetsGoLate.grown += 1
        return await super()._stage_of(*args)


def test_who_lets_go_late_is_not_accused() -> None:
    history = run(None, kind=LetsGoLate)
    assert len(rests(history)) == 1
    values = [e.value for _, e in readings(history, "process.fds")]
    assert values[-2] - values[0] == LEAST.cycles - 2
    assert values[-1] <= values[0]
    assert not judge(history).violations
    assert not [e for e in history.events if isinstance(e, Abort)]


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([0, 0, 2], 3),
        ([2], 1),
        ([0, 1, 2], 3),  # from between the two openings
        ([-5, -3, 2], 3),  # those of an earlier plan were leaving
        ([0] * 1000, None),
    ],
)
def test_counts_without_the_whole_control_pair_are_no_baseline(answers: list[int], asked: int | None) -> None:
    seen: list[int] = []

    async def counts() -> dict[str, int]:
        seen.append(5 + answers[len(seen)])
        return {"connections": seen[-1], "rooms": 0}

    before, seconds = {"connections": 5, "rooms": 0}, 0.5 if asked is None else 30.0
    trio.run(until_moved, counts, before, 2, seconds, clock=MockClock(autojump_threshold=0))
    assert (len(seen) == asked) if asked else seen[-1] == 5


@pytest.mark.parametrize(
    ("values", "others", "needed"),
    [
        ([10, 12, 12, 13], {}, True),
        ([10, 11, 12, 12], {}, False),  # warming up
        ([10, 11], {}, False),
        ([10, 12, 12, 13], {"connections": 0}, True),  # counted off is not let go
        ([10, 12, 12, 12], {"process.rss_kb": 9}, False),  # advice only
    ],
)
def test_when_to_look_again(values: list[int], others: dict[str, int], needed: bool) -> None:
    kept = [Probe(0.0, "process.fds", value, "cycle") for value in values]
    kept += [Probe(0.0, name, value + n, "cycle") for name, value in others.items() for n in range(4)]
    assert needs_another_look(kept) is needed
