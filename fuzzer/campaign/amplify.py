"""Making a rare failure frequent: the same ops, released in another order or a millisecond apart.

A race that fails once in ten runs mostly fails so rarely because the drawn order is the unlucky one. To shrink it as
it stands costs dozens of runs for each candidate, so a steadier neighbour is looked for first. The idea is
procrastination (Arts et al., Erlang'11, in CONCURRENCY.md 4.1): run again with the order of a racing pair reversed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from math import comb
from typing import Final

import msgspec

from fuzzer.campaign.changes import in_parts, with_batches, with_ops
from fuzzer.campaign.failure import Rate
from fuzzer.campaign.passes_in_place import PAUSE
from fuzzer.campaign.symbols import tidy
from fuzzer.campaign.trials import Attempt, Trials
from fuzzer.plan import Batch, Plan

ROUNDS: Final = 2  # each neighbour is run so often before it is given up
LOOKS: Final = 10  # runs of a neighbour that has failed once
CLEAN_ENOUGH: Final = 3  # clean runs that end these
STEADY_ENOUGH: Final = 0.8  # a neighbour this good ends the search
# Dozens of neighbours are tried, so a lucky streak of one of them is to be expected: how likely may it be by itself?
LUCK: Final = 0.003


class Amplified:
    """The steadiest neighbour that was found: its plan, how often it failed, and one such execution."""

    def __init__(self, plan: Plan, rate: Rate, witness: Attempt | None = None) -> None:
        self.plan, self.rate, self.witness = plan, rate, witness


def neighbours(plan: Plan, first: Collection[int] = (), conns: Collection[str] | None = None) -> Iterator[Plan]:
    """The same ops in other orders of release, each once. Batches in ``first`` come first, ``conns`` are those to move
    (None: all)."""
    told = [tidy(plan)]
    for neighbour in _raw_neighbours(plan, first, conns):
        if (tidied := tidy(neighbour)) not in told:
            told.append(tidied)
            yield tidied


def slower(plan: Plan) -> Plan:
    """With a pause wherever the plan waits for quiet: a window that is open for milliseconds is closed again before the
    next batch, and what went wrong in it shows."""
    return with_batches(plan, tuple(_paused(number, batch) for number, batch in enumerate(plan.batches)))


def _paused(number: int, batch: Batch) -> Batch:
    waits = number and batch.after == "fence" and batch.wait < PAUSE
    return msgspec.structs.replace(batch, wait=PAUSE) if waits else batch


def _raw_neighbours(plan: Plan, first: Collection[int], conns: Collection[str] | None) -> Iterator[Plan]:
    yield slower(plan)
    numbers = sorted(range(len(plan.batches)), key=lambda number: number not in first)
    for number in numbers:
        for ways in _other_orders(plan.batches[number], conns):
            yield _replaced(plan, number, ways)
    for number in numbers:
        if number:
            yield from _other_borders(plan, number)


def _other_orders(batch: Batch, conns: Collection[str] | None) -> Iterator[tuple[Batch, ...]]:
    """Reversed; one op earlier or later by a millisecond; two neighbours swapped."""
    ops = batch.ops
    if len(ops) < 2:
        return
    yield (with_ops(batch, ops[::-1]),)
    for at, op in enumerate(ops):
        if conns is None or op.conn in conns:
            rest = ops[:at] + ops[at + 1 :]
            yield in_parts(batch, (op,), rest, after="1ms")
            yield in_parts(batch, rest, (op,), after="1ms")
    for at in range(len(ops) - 1):
        yield (with_ops(batch, (*ops[:at], ops[at + 1], ops[at], *ops[at + 2 :])),)


def _other_borders(plan: Plan, number: int) -> Iterator[Plan]:
    """Two batches in turn: the later one first, and then both a millisecond apart."""
    before, batch = plan.batches[number - 1 : number + 1]
    for pair in (
        (with_ops(before, batch.ops), msgspec.structs.replace(batch, ops=before.ops, after="1ms")),
        (before, msgspec.structs.replace(batch, after="1ms")),
    ):
        yield with_batches(plan, (*plan.batches[: number - 1], *pair, *plan.batches[number + 1 :]))


def _replaced(plan: Plan, number: int, ways: tuple[Batch, ...]) -> Plan:
    return with_batches(plan, (*plan.batches[:number], *ways, *plan.batches[number + 1 :]))


async def amplified(
    trials: Trials, fingerprint: str, known: Amplified, candidates: Iterable[Plan], hurry: float, until: float
) -> Amplified:
    """The steadiest of ``known`` and the candidates, as far as ``until`` (on the clock of ``trials``) lets one see.

    Every candidate is run once, then once more; one that fails is run again at once. The first that fails nearly
    always ends the search; no other replaces what is known unless its record can hardly be luck.
    """
    best, waiting = known, list(candidates)
    for _ in range(ROUNDS):
        for candidate in waiting:
            if trials.clock() >= until:
                return best
            seen = await _looked_at(trials, fingerprint, candidate, hurry)
            if seen.rate.share > best.rate.share and by_luck(seen.rate, known.rate) < LUCK:
                best = seen
            if best.rate.share >= STEADY_ENOUGH:
                return best
        waiting = [candidate for candidate in waiting if not trials.record(candidate, hurry).failed[fingerprint]]
    return best


def by_luck(seen: Rate, known: Rate) -> float:
    """The probability of at least so many failures if it failed no more often than what is known (Laplace's rule)."""
    p = (known.failed + 1) / (known.runs + 2)
    return sum(comb(seen.runs, k) * p**k * (1 - p) ** (seen.runs - k) for k in range(seen.failed, seen.runs + 1))


async def _looked_at(trials: Trials, fingerprint: str, plan: Plan, hurry: float) -> Amplified:
    """One run; if that fails, as many more as it takes to know how often it does."""
    witness: Attempt | None = None
    failed = runs = 0
    while runs == 0 or (failed and runs < LOOKS and runs - failed < CLEAN_ENOUGH):
        attempt = await trials.run(plan, hurry)
        runs += 1
        if attempt.finding(fingerprint):
            failed += 1
            witness = witness or attempt
    return Amplified(plan, Rate(failed, runs), witness)
