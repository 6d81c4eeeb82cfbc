"""Who is compared: hubfuzz, what people do today, and hubfuzz with one of its ideas taken away.

Every contender is a source of plans and a way to execute them; connections, fences and judges are hubfuzz's own for all
of them, which is more than any of the baselines has in real life. Baselines end with the drain, as tests do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, count, islice
from random import Random
from typing import NamedTuple

import msgspec
import trio

from fuzzer.api import named_plans
from fuzzer.driver.finale import Finale
from fuzzer.driver.perform import Performer
from fuzzer.driver.session import Session
from fuzzer.plan import Batch, Close, Op, Open, Plan, Send, Separator
from fuzzer.plan_rules import normalise
from fuzzer.target.model import Target
from strategies.choice import Draw
from strategies.draft import Draft, Turn
from strategies.draw import draw_plans
from strategies.ops import MAKERS, Aim
from strategies.separators import BETWEEN
from strategies.shape import Shape, shape_of_target

PlanSource = Callable[[Shape, int], Iterator[Plan]]
EVENLY = tuple(kind for kind in MAKERS if kind not in ("reopen", "abandon"))  # what a first attempt would think of
STEPS = (6, 24)
TOGETHER = (2, 6)


class Dice(Draw):
    """Choices without Hypothesis."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def below(self, bound: int) -> int:
        return self._rng.randrange(bound) if bound > 1 else 0


# ---- plans -----------------------------------------------------------------------------------------------------------


def fixed_tests(shape: Shape, seed: int) -> Iterator[Plan]:
    """The three tests of the system that the specification comes from, done without their mistakes, over and over."""
    for number in count():
        yield Plan(batches=_FIXED[number % 3](shape), schedule_seed=(seed + number) % 65_536)


def _broadcast(shape: Shape) -> tuple[Batch, ...]:
    tabs = "abcde"[: shape.limit or 5]
    return (*_opens(tabs), _step(Send("a", "m0", 20)), *(_step(Close(tab)) for tab in tabs[2:4]))


def _limit(shape: Shape) -> tuple[Batch, ...]:
    return _opens("abcdefghijklm"[: (shape.limit or 5) + 3])


def _isolation(shape: Shape) -> tuple[Batch, ...]:
    tabs = "abc"[: shape.limit or 3]
    return (*_opens(tabs), _step(Close(tabs[-1])), _step(Send("a", "m0", 20)))


_FIXED = (_broadcast, _limit, _isolation)


def _opens(tabs: str) -> tuple[Batch, ...]:
    return tuple(_step(Open(tab, "u0", session=f"s{tab}")) for tab in tabs)


def _step(op: Op) -> Batch:
    return Batch(ops=(op,))


def random_crowds(shape: Shape, seed: int) -> Iterator[Plan]:
    """Several random ops at a time: a test that throws them into a nursery."""
    rng = Random(f"crowds {seed}")
    while True:
        yield _random_plan(Dice(rng), shape, rng.randint(*TOGETHER), BETWEEN)


def random_steps(shape: Shape, seed: int) -> Iterator[Plan]:
    """One random op after the other, each awaited: a plain rule-based state machine."""
    rng = Random(f"steps {seed}")
    while True:
        yield _random_plan(Dice(rng), shape, 1, (("fence", 1),))


def _random_plan(dice: Dice, shape: Shape, together: int, separators: tuple[tuple[Separator, int], ...]) -> Plan:
    draft = Draft(shape=shape)
    for _ in range(STEPS[0] + dice.below(STEPS[1] - STEPS[0])):
        turn = Turn(draft)
        for _ in range(1 + dice.below(together)):
            turn.ops.extend(_any_op(dice, turn))
        turn.finish(dice.weighted(separators))
    return normalise(draft.plan())


def _any_op(dice: Dice, turn: Turn) -> list[Op]:
    """An op of any kind that can be done now, all kinds alike."""
    aim = Aim(f"u{dice.below(2)}")
    made = (MAKERS[kind](dice, turn, aim) for kind in dice.some(EVENLY, len(EVENLY)))
    return list(islice((op for op in made if op is not None), 1))


def without_swarm(shape: Shape, seed: int) -> Iterator[Plan]:
    """Plans that always may use every feature."""
    return draw_plans(msgspec.structs.replace(shape, swarm=False), seed)


# ---- ways to execute -------------------------------------------------------------------------------------------------


class Scramble(Performer):
    """Each op in a task of its own, sent when it is ready: no release in the drawn order."""

    async def batch(self, batch: Batch) -> None:
        async with trio.open_nursery() as nursery:
            for op in batch.ops:
                nursery.start_soon(self._alone, op)

    async def _alone(self, op: Op) -> None:
        release = await self._prepare(op)
        if release is not None:
            release()


class NoCanary(Finale):
    """Nothing after the drain: no counts, no slots, no fresh user."""

    async def probe(self, before: dict[str, int]) -> None:
        await trio.lowlevel.checkpoint()

    async def slots(self, user: str) -> None:
        await trio.lowlevel.checkpoint()

    async def canary(self) -> None:
        await trio.lowlevel.checkpoint()


class Scrambled(Session):
    """A nursery instead of the batch release."""

    performer = Scramble


class WithoutCanary(Session):
    """No conservation check."""

    finale = NoCanary


class Thrown(Session):
    """A nursery, and nothing after the drain."""

    performer = Scramble
    finale = NoCanary


class Contender(NamedTuple):
    """``name`` for the command line, ``title`` for tables. ``scenarios`` come first, as in ``hubfuzz run``."""

    name: str
    title: str
    plans: PlanSource
    session: type[Session] = Session
    scenarios: bool = True

    def all_plans(self, target: Target, seed: int) -> Iterator[Plan]:
        """What it executes, one after the other."""
        first = [plan for _, plan in named_plans(target)] if self.scenarios else []
        return chain(first, self.plans(shape_of_target(target), seed))


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("hubfuzz", "hubfuzz", draw_plans),
        Contender("fixed", "three tests of fixed order", fixed_tests, WithoutCanary, False),
        Contender("nursery", "random ops in a nursery", random_crowds, Thrown, False),
        Contender("steps", "state machine, every step awaited", random_steps, WithoutCanary, False),
        Contender("no-release", "hubfuzz without batch release", draw_plans, Scrambled),
        Contender("no-swarm", "hubfuzz without swarm", without_swarm),
        Contender("no-canary", "hubfuzz without canary and slots", draw_plans, WithoutCanary),
    )
}
