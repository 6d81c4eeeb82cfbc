"""One worker: a campaign of its own on a session of its own, on the plans that it is handed."""

from __future__ import annotations

import os
import sys
import traceback
from collections import deque
from collections.abc import AsyncIterator

import trio

from fuzzer.campaign.control import Control
from fuzzer.campaign.engine import SCENARIO, run_campaign
from fuzzer.campaign.events import CampaignEvent
from fuzzer.driver.session import open_session
from fuzzer.greeting import greet
from fuzzer.plan import Plan
from fuzzer.scenarios import SCENARIOS
from fuzzer.target.model import Target
from fuzzer.workers.messages import (
    Alive,
    Answer,
    Asks,
    Broken,
    Enough,
    Job,
    News,
    Order,
    Said,
    Share,
    Stop,
    Unpacker,
    Wants,
    packed,
)

ALIVE_EVERY = 2.0  # seconds
CHUNK = 1 << 16


class Worker:
    """Reads orders from one descriptor, writes news to another. Whoever gives the orders must go on reading."""

    def __init__(self, orders: int, news: int) -> None:
        self._orders = trio.lowlevel.FdStream(orders)
        self._news = news
        self._unpacker = Unpacker(Order)
        self._to_do: deque[Order] = deque()
        self._send_share, self._shares = trio.open_memory_channel[Share](float("inf"))
        self._asked: dict[str, trio.Event] = {}
        self._granted: set[str] = set()
        self._beginning = trio.CancelScope()
        self._control: Control | None = None
        self._stopped = False

    async def run(self) -> None:
        """Work until there is nothing left to do, or nobody to do it for."""
        from fuzzer.cli.interrupt import on_interrupt

        async with trio.open_nursery() as nursery, on_interrupt(self.stop):
            job = await nursery.start(self._listen)
            if job is not None:
                nursery.start_soon(self._breathe)
                with self._beginning:
                    await self._work(job)
            nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """End now, in order: the plan is broken off, the server is ended."""
        self._stopped = True
        self._send_share.close()
        for event in self._asked.values():
            event.set()
        if self._control is None:
            self._beginning.cancel()
        else:
            self._control.interrupt()

    # ---- orders ----------------------------------------------------------------------------------------------------

    async def _listen(self, task_status: trio.TaskStatus[Job | None]) -> None:
        """Tell the job, then follow orders. When there is nobody left to give any, stop."""
        told = False
        async for chunk in self._orders:
            for order in self._unpacker.feed(chunk):
                if isinstance(order, Job):
                    told = True
                    task_status.started(order)
                else:
                    self._follow(order)
        if not told:
            task_status.started(None)
        self.stop()

    def _follow(self, order: Order) -> None:
        match order:
            case Share() if not self._stopped:
                self._send_share.send_nowait(order)
            case Answer():
                self._granted.update({order.fingerprint} if order.granted else ())
                self._asked[order.fingerprint].set()
            case Enough():
                self._send_share.close()
                if self._control is not None:
                    self._control.plans_exhausted()
            case Stop():
                self.stop()

    # ---- work ------------------------------------------------------------------------------------------------------

    async def _work(self, job: Job) -> None:
        async with open_session(job.target) as session:
            await greet(session)
            if self._stopped:
                return
            self._control = Control(job.options, trio.current_time)
            await run_campaign(
                session,
                job.options,
                plans=Plans(self, job),
                stored=job.stored,
                emit=self._emit,
                clock=trio.current_time,
                control=self._control,
                subject=job.subject,
                claim=self._claim,
            )

    async def next_share(self) -> Share | None:
        """None: there will be no more."""
        try:
            return await self._shares.receive()
        except trio.EndOfChannel:
            return None

    async def _claim(self, fingerprint: str) -> bool:
        self._asked[fingerprint] = trio.Event()
        self.say(Asks(fingerprint))
        if not self._stopped:
            await self._asked[fingerprint].wait()
        return fingerprint in self._granted

    def _emit(self, event: CampaignEvent) -> None:
        self.say(Said(event))

    def say(self, news: News) -> None:
        """Blocks while nobody reads: nothing is lost, and nothing heaps up."""
        data = memoryview(packed(news))
        try:
            while data:
                data = data[os.write(self._news, data) :]
        except BrokenPipeError:
            if not self._stopped:
                self.stop()

    async def _breathe(self) -> None:
        while True:
            self.say(Alive())
            await trio.sleep(ALIVE_EVERY)


class Plans(AsyncIterator[tuple[str, Plan]]):
    """The plans of the shares that the worker is handed, with names that say which of the seed's they are."""

    def __init__(self, worker: Worker, job: Job) -> None:
        self._worker = worker
        self._target = job.target
        self._seed = job.options.seed
        self._plans: deque[tuple[str, Plan]] = deque()
        self._busy = False

    async def __anext__(self) -> tuple[str, Plan]:
        while not self._plans:
            if self._busy:
                self._worker.say(Wants())
            share = await self._worker.next_share()
            if share is None:
                raise StopAsyncIteration
            self._busy = True
            self._plans.extend(plans_of(share, self._target, self._seed))
        return self._plans.popleft()


def plans_of(share: Share, target: Target, seed: int) -> list[tuple[str, Plan]]:
    """``plan 3.17`` is the seventeenth of the seed's share 3; the same everywhere."""
    if share.scenario:
        plan = SCENARIOS[share.scenario].build_for(target)
        return [] if plan is None else [(f"{SCENARIO}{share.scenario}", plan)]
    from strategies.draw import draw_share
    from strategies.shape import shape_of_target

    drawn = draw_share(shape_of_target(target), seed, share.number)
    named = [(f"plan {share.number}.{index}", plan) for index, plan in enumerate(drawn, start=1)]
    return named[share.begin : share.end]


def main() -> int:
    """Work on the standard streams. What else is printed goes to standard error: it must not mix with the news."""
    from fuzzer.cli.errors import one_line, unexpected

    orders, news = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)

    async def work() -> None:
        worker = Worker(orders, news)
        try:
            await worker.run()
        except Exception as error:
            worker.say(Broken(one_line(error) or unexpected(error)))

    try:
        trio.run(work)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
