"""The last look at the hub, behind the canary: a ghost that comes late is seen, and a slow hub is not asked again."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest
import trio

from fuzzer.driver import finale
from fuzzer.driver.finale import Finale
from fuzzer.driver.session import Session, execute, open_session
from fuzzer.history import History, Phase, Probe
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.target import embedded_target
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Close, Open, Plan

PLAN = Plan((Batch((Open("a", "u0"),)), Batch((Close("a"),))))


class HauntedFinale(Finale):
    """Once the canary has closed, the hub counts one more."""

    haunted = False

    async def canary(self) -> None:
        await super().canary()
        HauntedFinale.haunted = True


class Haunted(Session):
    finale = HauntedFinale

    async def _counts(self) -> dict[str, int]:
        found = await super()._counts()
        return {name: value + (name == "connections" and HauntedFinale.haunted) for name, value in found.items()}


def run(kind: type[Session] = Session, knobs: Knobs | None = None) -> History:
    async def alone() -> History:
        async with open_session(embedded_target(knobs=knobs), kind) as session:
            return await session.execute(PLAN)

    return trio.run(alone)


def phases(history: History) -> list[str]:
    return [e.name for e in history.events if isinstance(e, Phase) and e.name in ("probe", "canary")]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, the hub counts as prompt."""
    monkeypatch.setattr(finale, "PROMPT", 100)


@pytest.mark.usefixtures("patient")
def test_a_ghost_that_comes_after_the_canary_is_seen() -> None:
    HauntedFinale.haunted = False
    history = run(Haunted)
    verdict = judge(history)
    assert [(f.code, f.key) for f in verdict.violations] == [("HF401", "count:connections")]
    assert [e.value for e in history.events if isinstance(e, Probe) and e.name == "connections"][-1] == 3


@pytest.mark.usefixtures("patient")
def test_all_is_counted_once_more_when_the_canary_has_left() -> None:
    history = run()
    assert phases(history) == ["probe", "canary", "probe"]
    assert judge(history).violations == ()


def test_a_hub_that_takes_its_time_is_not_asked_again() -> None:
    history = run(knobs=Knobs(release_delay=0.5))
    assert phases(history) == ["probe", "canary"]
    assert judge(history).violations == ()


def convicted_where_one_too_many_stays(knobs: Knobs, t_evict: float = 0.0) -> list[str]:
    """The hub admits three, its policy says two: no op of the plan shows it, only the slots do."""
    target = embedded_target(knobs=knobs)
    assert target.policy.limit is not None
    limit = msgspec.structs.replace(target.policy.limit, max=2)
    policy = msgspec.structs.replace(target.policy, limit=limit, t_evict=t_evict)
    return [found.code for found in judge(execute(PLAN, msgspec.structs.replace(target, policy=policy))).violations]


@pytest.mark.parametrize("echo", ["always", "never"])
def test_one_above_the_limit_is_seen_though_nobody_gets_its_own_messages(echo: Literal["always", "never"]) -> None:
    assert "HF201" in convicted_where_one_too_many_stays(Knobs(limit=3, echo=echo))


def test_one_above_the_limit_is_given_the_time_that_it_may_stay() -> None:
    assert "HF201" in convicted_where_one_too_many_stays(Knobs(limit=3, over="evict-oldest"), t_evict=0.2)
