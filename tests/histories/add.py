"""Keep histories of real runs, with the verdicts of today, so that changed judges are held against them.

``python -m tests.histories.add --bug S15 --bug S31 --hub fastapi [--plans 40] [--each 2]``: of a seeded bug one history
of its least plan that convicts it; of a correct hub the ``--each`` drawn plans of ``--plans`` in which most invariants
had something to check. Without either: all bugs and all hubs. Look at the difference of ``verdicts.json`` before you
commit it: a verdict that changed is a judge that changed.
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice

import trio

from fuzzer.driver.session import open_session
from fuzzer.history import History
from fuzzer.hub.bugs import BUGS
from fuzzer.hub.target import embedded_target
from fuzzer.invariants import judge
from strategies.draw import draw_plans
from strategies.shape import shape_of_target
from tests.histories.kept import keep
from tests.targets.correct_hubs import HUBS, Unavailable

TRIES = 20  # races need more than one
HURRY = 0.2  # of the time bounds, so that a silence costs little
MOST_EVENTS = 600
SEED = 11


def convicted(code: str) -> History | None:
    """A history of the least plan of a bug that convicts it."""
    bug = BUGS[code]

    async def meet() -> History | None:
        async with open_session(embedded_target(code)) as session:
            for _ in range(TRIES):
                history = await session.execute(bug.least, HURRY)
                if {finding.code for finding in judge(history).violations} & set(bug.family):
                    return history
        return None

    return trio.run(meet)


def acquitted(hub: str, plans: int, each: int) -> list[History]:
    """Those histories of a correct hub that are not too long and oblige most invariants."""
    target = HUBS[hub]()

    async def perform() -> list[History]:
        async with open_session(target) as session:
            drawn = islice(draw_plans(shape_of_target(target), SEED), plans)
            return [await session.execute(plan) for plan in drawn]

    small = [history for history in trio.run(perform) if len(history.events) <= MOST_EVENTS]
    return sorted(small, key=_checked, reverse=True)[:each]


def _checked(history: History) -> int:
    return sum(judgement.obligations > 0 for judgement in judge(history).judgements)


def _add_bug(code: str) -> None:
    history = convicted(code)
    if history is None:
        print(f"{code}: not convicted in {TRIES} runs of its least plan", file=sys.stderr)
    else:
        print(f"bug-{code}: {keep(f'bug-{code}', history)} bytes", flush=True)


def _add_hub(hub: str, plans: int, each: int) -> None:
    try:
        for number, history in enumerate(acquitted(hub, plans, each)):
            print(f"{hub}-{number}: {keep(f'{hub}-{number}', history)} bytes", flush=True)
    except Unavailable as why:
        print(f"SKIPPED: {why}", file=sys.stderr)


def main() -> None:
    """Run what was asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bug", action="append", choices=list(BUGS), default=[])
    options.add_argument("--hub", action="append", choices=list(HUBS), default=[])
    options.add_argument("--plans", type=int, default=40)
    options.add_argument("--each", type=int, default=2)
    given = options.parse_args()
    everything = not (given.bug or given.hub)
    for code in BUGS if everything else given.bug:
        _add_bug(code)
    for hub in HUBS if everything else given.hub:
        _add_hub(hub, given.plans, given.each)


if __name__ == "__main__":
    main()
