"""What a seeded bug is: a piece or two of the correct hub replaced, with reports of hubs that broke so."""

from __future__ import annotations

from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.plan import Batch, Op, Plan, Separator
from fuzzer.values import Value


class SeededBug(Value):
    """``code`` as in the list of seeded bugs; ``family``: the invariants that may convict it, the likeliest first;
    ``reports``: URLs; ``least``: the smallest plan known to show it, given that every plan is followed by the drain,
    the slot check and the count probe."""

    code: str
    title: str
    family: tuple[str, ...]
    reports: tuple[str, ...]
    least: Plan
    pieces: Pieces
    knobs: Knobs = Knobs()


def plan(*batches: Batch, cycles: int = 1) -> Plan:
    """A plan of these batches."""
    return Plan(batches=batches, cycles=cycles)


def step(*ops: Op, after: Separator = "fence", wait: float = 0.0, restart: bool = False) -> Batch:
    """Ops that are released together."""
    return Batch(ops=ops, after=after, wait=wait, restart=restart)
