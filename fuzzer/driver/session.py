"""A session with one served target: plans go in, histories come out, nothing of a plan is left behind."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from fuzzer.driver._trio_compat import seed_scheduler
from fuzzer.driver.cast import Cast
from fuzzer.driver.control import ControlPair
from fuzzer.driver.finale import Counts, Finale, fences_at_the_end, let_go
from fuzzer.driver.health import Health
from fuzzer.driver.holdings import errors_of, holdings, look_again, needs_another_look, until_moved
from fuzzer.driver.hurry import hurried
from fuzzer.driver.lag import watch_own_lag
from fuzzer.driver.perform import Performer
from fuzzer.driver.quiesce import Quiescence
from fuzzer.driver.server_ops import ServerOps
from fuzzer.driver.stage import Stage
from fuzzer.history import Abort, History, Outsiders, Phase, Probe, ServerExit, ServerLog, Skip
from fuzzer.plan import Batch, Plan
from fuzzer.policy import Policy
from fuzzer.target.model import Target
from fuzzer.target.probe import ProbeError, read_counts
from fuzzer.target.process import Server, serve

TAIL_LINES = 12
SHARED_TRIES = 3
LINE_LENGTH = 200


class Session:
    """Executes plans one after the other against one running server. Its parts can be replaced, as benchmarks do."""

    performer: type[Performer] = Performer
    finale: type[Finale] = Finale

    def __init__(self, target: Target, server: Server, nursery: trio.Nursery) -> None:
        self.target = target
        self.server = server
        self.target_name = target.name
        self._nursery = nursery
        self._run = secrets.token_hex(3)
        self._numbers = itertools.count(1)
        self._stages = 0  # plans so far
        self._shown: tuple[ControlPair, int] | None = None  # the pair, and its openings, that the counts have shown
        self._control = self._new_control()

    def _new_control(self) -> ControlPair:
        nonce = f"{self._run}c{next(self._numbers)}-"
        return ControlPair(self.target, self.server.port, self._nursery, nonce)

    async def control_answers(self) -> bool:
        """One round trip of the control pair: is there a hub that speaks as the target file says?"""
        alone = {} if self._control.ready else await self._counts()
        answered = await self._control.round_trip()
        if answered:
            await self._until_counted(alone)
        return answered

    def control_trouble(self) -> str:
        """The last thing that kept the control pair from its round trip."""
        return self._control.trouble

    async def execute(self, plan: Plan, hurry: float = 1.0) -> History:
        """Run one plan and its finale. ``hurry`` below 1 scales the policy's times, as the history then says.

        A plan of several cycles is run as often, each time with fresh users: the history is that of the last one, with
        what the server held at the end of each. A cycle that cannot be ended is the last one.
        """
        policy = hurried(self.target.policy, hurry)
        await self._control.refresh()
        cycles = plan.cycles if self._may_cycle() else 1
        kept, logged = list[Probe](), list[ServerLog]()
        for left in reversed(range(cycles)):
            stage = await self._stage_of(plan, policy, min(1.0, hurry))
            if cycles > 1:
                kept += await holdings(self.server, self._counts, kept, hurry)
            if not left or self._server_is_dead() or any(isinstance(e, Abort) for e in stage.record.events):
                break
            logged += errors_of(stage.record.events)
        if cycles > 1 and needs_another_look(kept) and self._control.ready:
            kept = await self._look_again(stage, kept, hurry)
        if plan.cycles > cycles:
            stage.record(Skip, _first_conn(plan), "cycles", "the server's process cannot be measured")
        log = tuple(line[:LINE_LENGTH] for line in self.server.recent())
        return History(
            (*kept, *logged, *stage.record.events), policy, plan, self.target.name, log, self.server.pid is not None
        )

    async def _look_again(self, stage: Stage, kept: list[Probe], hurry: float) -> list[Probe]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_own_lag, stage)
            kept = await look_again(stage, Health(stage, self._control), self.server, self._counts, kept, hurry)
            nursery.cancel_scope.cancel()
        return kept

    def _may_cycle(self) -> bool:
        return self.target.probe.process and self.server.pid is not None

    async def _stage_of(self, plan: Plan, policy: Policy, hurry: float) -> Stage:
        """One performance of the plan, from the first op to the canary."""
        cast = Cast(plan, f"{self._run}n{next(self._numbers)}-", exact=policy.names == "exact")
        stage = Stage(cast, self.target.codec(), policy, f"hf-{self._run}c", hurry)
        self._tell_outsiders(stage)
        self._stages += 1
        seed_scheduler(plan.schedule_seed)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_own_lag, stage)
            try:
                await self._play(plan, stage, nursery)
            finally:
                let_go(stage)
                nursery.cancel_scope.cancel()
        self._note_server(stage)
        return stage

    async def restore(self) -> bool:
        """A fresh server after damage; False if it is not ours to restart."""
        self._control.dispose()
        restartable = self.target.start is not None
        if restartable:
            await self.server.restart()
        self._control = self._new_control()
        return restartable

    def dispose(self) -> None:
        """Let go of the control pair."""
        self._control.dispose()

    # ---- one plan ------------------------------------------------------------------------------------------------

    async def _play(self, plan: Plan, stage: Stage, nursery: trio.Nursery) -> None:
        performer = self.performer(stage, self.target, self.server.port, nursery)
        performer.study(plan)
        server_ops = ServerOps(stage, self.server, performer, self._control, self.control_answers)
        quiescence = Quiescence(stage, performer, self._control, self._server_is_dead, self.server.stands_still)
        await self._ready_control(quiescence)
        counts = self._steady_counts() if self._control.ready and self._is_counted() else _no_counts
        before = await self._baseline(stage, counts)
        for number, batch in enumerate(plan.batches):
            await self._between(batch, number, quiescence)
            if quiescence.aborted or self._server_is_dead():
                break
            stage.record(Phase, f"batch:{number}")
            await server_ops.perform(batch)
        if not self._server_is_dead():
            await self._end(plan, stage, self.finale(stage, performer, quiescence, counts), quiescence, before)

    async def _ready_control(self, quiescence: Quiescence) -> None:
        """The control pair is there; where slots are shared, perhaps only when an earlier plan's are free again."""
        alone = {} if self._control.ready else await self._counts()
        for _ in range(SHARED_TRIES if self._shares_slots else 1):
            if self._control.ready:
                break
            await self._control.round_trip()
        if self._control.ready:
            await self._until_counted(alone)
        await quiescence.prove_control()

    async def _until_counted(self, alone: dict[str, int]) -> None:
        if alone:
            await until_moved(self._counts, alone, self._control.size, self.target.policy.t_release)
            self._shown = self._control, self._control.openings

    def _is_counted(self) -> bool:
        """Are the counts surely younger than the pair? A restart, or a close, may have had it opened just now."""
        age = time.monotonic() - self._control.opened_at
        return self._shown == (self._control, self._control.openings) or age >= self.target.policy.t_release

    @property
    def _shares_slots(self) -> bool:
        limit = self.target.policy.limit
        return limit is not None and limit.shared

    def _tell_outsiders(self, stage: Stage) -> None:
        """Write down what may hold slots that the plan shares: the control pair, now and whenever it opens another."""
        if not self._shares_slots:
            return
        control, held = self._control, itertools.count(self._control.known)
        earlier = self._stages > 0 or control.openings > control.known or self.server.pid is None
        left = max((self.target.policy.t_heartbeat or 0.0) - self.server.killed_ago(), 0.0)

        def tell() -> None:
            stage.record(Outsiders, next(held), control.size, earlier, round(left, 6))

        tell()
        control.before_opening = tell

    async def _between(self, batch: Batch, number: int, quiescence: Quiescence) -> None:
        """Let the last batch be followed in the drawn way."""
        if number and batch.after == "fence":
            await quiescence.short_fence()
        elif number and batch.after == "turn":
            await trio.lowlevel.checkpoint()
        elif number and batch.after == "1ms":
            await trio.sleep(0.001)
        if batch.wait:
            await quiescence.pass_time(batch.wait)

    async def _end(
        self, plan: Plan, stage: Stage, finale: Finale, quiescence: Quiescence, before: dict[str, int]
    ) -> None:
        for _ in range(fences_at_the_end(plan)):
            if not quiescence.aborted:
                await quiescence.fence()
        await finale.heal()
        users = finale.eventful(plan.users())
        await finale.drain()
        if not self._server_is_dead():
            await finale.probe(before)
            for user in users:
                await finale.slots(user)
            await finale.canary()
            await finale.probe_again(before)

    # ---- the server's side ---------------------------------------------------------------------------------------

    def _server_is_dead(self) -> bool:
        return self.server.exit_status() is not None

    async def see_counts(self) -> dict[str, int]:
        """The server's own counts; raises ``ProbeError`` if they cannot be read."""
        return await read_counts(self.target, self.server.port)

    async def _counts(self) -> dict[str, int]:
        """None where they cannot be read just now: that they can be at all is seen before the first plan."""
        try:
            return await self.see_counts()
        except ProbeError:
            return {}

    def _steady_counts(self) -> Counts:
        """The counts as long as the control pair, which is counted too, is the one that is there now; then none."""
        openings = self._control.openings

        async def counts() -> dict[str, int]:
            found = await self._counts()
            return found if self._control.ready and self._control.openings == openings else {}

        return counts

    async def _baseline(self, stage: Stage, counts: Counts) -> dict[str, int]:
        before = await counts()
        for name, value in before.items():
            stage.record(Probe, name, value, "before")
        return before

    def _note_server(self, stage: Stage) -> None:
        """What the process and its log said meanwhile."""
        errors, status = self.server.new_errors(), self.server.exit_status()
        tail = _cut(self.server.tail(TAIL_LINES)) if errors or status is not None else ""
        for number, line in enumerate(errors):
            stage.record(ServerLog, line[:LINE_LENGTH], tail if number == 0 else "")
        if status is not None:
            stage.record(ServerExit, status, tail)


async def _no_counts() -> dict[str, int]:
    """Without a control pair nobody knows what is ours."""
    return {}


def _cut(log: str) -> str:
    return "\n".join(line[:LINE_LENGTH] for line in log.splitlines())


def _first_conn(plan: Plan) -> str:
    return next((op.conn for op in plan.ops()), "")


@asynccontextmanager
async def open_session(target: Target, kind: type[Session] = Session) -> AsyncIterator[Session]:
    """Serve the target (start it, or find it running) and end everything afterwards."""
    async with serve(target) as server, trio.open_nursery() as nursery:
        session = kind(target, server, nursery)
        try:
            yield session
        finally:
            session.dispose()
            nursery.cancel_scope.cancel()


def execute(plan: Plan, target: Target) -> History:
    """One plan against its own server, synchronously."""

    async def alone() -> History:
        async with open_session(target) as session:
            return await session.execute(plan)

    return trio.run(alone)
