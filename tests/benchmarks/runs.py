"""Many plans against one server, with what they showed and where the time went."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import trio

from fuzzer.driver.session import Session, open_session
from fuzzer.greeting import greet
from fuzzer.history import History
from fuzzer.invariants import judge
from fuzzer.plan import Plan
from fuzzer.target import Target
from fuzzer.target.process import Server
from fuzzer.verdict import Verdict
from strategies.draw import draw_plans
from strategies.shape import Shape, shape_of_target

OnViolation = Callable[[History, Verdict], None]
Judge = Callable[[History], Verdict]
Meanwhile = Callable[[Server], Awaitable[None]]
Plans = Callable[[Shape, int], AsyncGenerator[Plan, None]]


@dataclass
class Run:
    """Sums over all plans. Times are in seconds of the wall clock."""

    plans: int = 0
    ops: int = 0
    obligations: Counter[str] = field(default_factory=Counter)
    inconclusive: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    generating: float = 0.0
    driving: float = 0.0
    judging: float = 0.0

    @property
    def seconds(self) -> float:
        """All that was spent on plans; the server's start and end are left out."""
        return self.generating + self.driving + self.judging

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Codes that were asked and never had anything to check."""
        return tuple(sorted(code for code, number in self.obligations.items() if not number))

    def add(self, plan: Plan, verdict: Verdict) -> None:
        """Count one judged plan."""
        self.plans += 1
        self.ops += plan.size()
        for judgement in verdict.judgements:
            self.obligations[judgement.code] += judgement.obligations
        self.inconclusive.update({finding.code for finding in verdict.inconclusive})
        self.violations.update({finding.code for finding in verdict.violations})


async def nothing(server: Server) -> None:
    """Leave the server alone."""


async def drawn_here(shape: Shape, seed: int) -> AsyncGenerator[Plan, None]:
    """Some dozens at a time, and meanwhile nothing else goes on."""
    for plan in draw_plans(shape, seed):
        yield plan


@asynccontextmanager
async def greeted_session(target: Target) -> AsyncIterator[Session]:
    """A session as every campaign begins it: the control pair is there before the first plan."""
    async with open_session(target) as session:
        await greet(session)
        yield session


async def run_plans(
    target: Target,
    seed: int,
    enough: Callable[[Run], bool],
    on_violation: OnViolation = lambda history, verdict: None,
    judge: Judge = judge,
    meanwhile: Meanwhile = nothing,
    plans_of: Plans = drawn_here,
) -> Run:
    """Draw, execute and judge plans until ``enough``; ``meanwhile`` is cancelled then."""
    run = Run()
    async with (
        aclosing(plans_of(shape_of_target(target), seed)) as plans,
        greeted_session(target) as session,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(meanwhile, session.server)
        while not enough(run):
            start = time.perf_counter()
            plan = await anext(plans)
            drawn = time.perf_counter()
            history = await session.execute(plan)
            driven = time.perf_counter()
            verdict = judge(history)
            judged = time.perf_counter()
            run.generating += drawn - start
            run.driving += driven - drawn
            run.judging += judged - driven
            run.add(plan, verdict)
            if verdict.violations:
                on_violation(history, verdict)
        nursery.cancel_scope.cancel()
    return run
