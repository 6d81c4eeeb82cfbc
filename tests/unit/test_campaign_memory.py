"""An hour must not need more memory than a minute: nothing in a campaign, its handlers or its workers' parent grows
with the number of plans. Bytes are counted, no time is measured."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from campaign_fakes import TWO_TABS, Bug, FakeHub, always, doubled, has, steps, strayed

from fuzzer.campaign import Options, run_campaign
from fuzzer.campaign.control import Control
from fuzzer.campaign.events import CampaignEvent
from fuzzer.history import History
from fuzzer.plan import Drop, Open, Plan, Send
from fuzzer.report.ndjson import NdjsonReport
from fuzzer.report.screen import Screen
from fuzzer.report.terminal import TerminalReport
from fuzzer.workers.merge import Merged
from strategies import draw

PLANS = 3000
SETTLED = 1000  # by then each table has its keys
BYTES_A_PLAN = 16  # less than the smallest object; what is kept of each plan needs more
RESET = steps(Open("a", "u0"), Send("a", "m0"), Drop("a"))


class Forgetful(FakeHub):
    """A hub that keeps no list of what it was asked for."""

    async def execute(self, plan: Plan, hurry: float = 1.0) -> History:
        history = await super().execute(plan, hurry)
        self.executed.clear()
        self.hurries.clear()
        return history


def grown(handler: Callable[[CampaignEvent], object], folder: Path) -> int:
    """Bytes that a campaign of cheap plans holds at its end, and did not hold when it had settled."""
    sizes: list[int] = []

    def plans() -> Iterator[Plan]:
        for number, plan in enumerate(itertools.cycle([TWO_TABS, RESET])):
            if number in (SETTLED, PLANS - 1):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
            yield plan

    hub = Forgetful((Bug(has(Drop), doubled, p=0.3), Bug(always, strayed, p=0.01)), seconds=0.01)
    options = Options(seconds=None, plans=PLANS)
    ndjson = NdjsonReport(folder / "events.ndjson")
    handlers = (TerminalReport(Screen(), clock=hub.clock), ndjson, handler)
    parent = Merged(options, Control(options, hub.clock), None, lambda event: [each(event) for each in handlers])

    async def main() -> int:
        result = await run_campaign(hub, options, plans=plans(), emit=parent.hear, clock=hub.clock)
        return result.totals.plans

    tracemalloc.start()
    try:
        assert trio.run(main) == PLANS
    finally:
        tracemalloc.stop()
        ndjson.close()
    return sizes[1] - sizes[0]


def test_nothing_grows_with_the_number_of_plans(tmp_path: Path) -> None:
    assert grown(lambda event: None, tmp_path) < BYTES_A_PLAN * (PLANS - SETTLED)


def test_what_does_would_be_seen(tmp_path: Path) -> None:
    """One that keeps a number of each plan, as small as it can be."""
    kept: list[float] = []
    assert grown(lambda event: kept.append(getattr(event, "elapsed", 0.0)), tmp_path) > BYTES_A_PLAN * (PLANS - SETTLED)


def test_the_draw_remembers_a_bounded_number_of_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw, "REMEMBERED", 3)
    seen: dict[bytes, None] = {}
    plans = [Plan(batches=TWO_TABS.batches * times) for times in range(1, 6)]
    assert [draw._is_new(plan, seen) for plan in plans] == [True] * 5
    assert len(seen) == 3
    assert [draw._is_new(plan, seen) for plan in plans[2:]] == [False] * 3
    assert draw._is_new(plans[0], seen), "it was long ago"
