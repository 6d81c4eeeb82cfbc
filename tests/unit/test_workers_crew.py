"""What a worker is handed of the stored failures, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing
from campaign_fakes import CROWD, RACE, FakeHub, campaign

from fuzzer.campaign import FailureFound, Options, Stored, Subject
from fuzzer.campaign.stored import LONGEST
from fuzzer.hub.target import embedded_target
from fuzzer.workers.crew import Crew

FAILURE = campaign(FakeHub((RACE,)), [CROWD]).result.failures[0]
STORED = Stored(Path("HF103-x.json"), FAILURE)


@pytest.mark.parametrize(("seconds", "given"), [(100.0, 50.0), (4.0, 2.0), (None, float("inf"))])
def test_half_of_the_time_is_for_stored_ones(seconds: float | None, given: float) -> None:
    async def main() -> float | None:
        crew = Crew(embedded_target(), Options(seconds=seconds, workers=2), subject=Subject(), stored=[STORED])
        return crew._job().options.stored_seconds

    assert trio.run(main, clock=trio.testing.MockClock()) == given


def test_what_a_dead_worker_was_shrinking_is_shrunk_whatever_the_time() -> None:
    async def main() -> float | None:
        crew = Crew(embedded_target(), Options(seconds=4.0, workers=2), subject=Subject(), stored=[STORED])
        crew._merged.hear(FailureFound(FAILURE, str(STORED.path)))
        await trio.sleep(3)
        return crew._job().options.stored_seconds

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == LONGEST
