"""What a seeded bug is: a piece of the correct hub replaced, with the reports of real hubs that broke this way."""

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


def plan(*batches: Batch) -> Plan:
    """A plan of these batches."""
    return Plan(batches=batches)


def step(*ops: Op, after: Separator = "fence") -> Batch:
    """Ops that are released together."""
    return Batch(ops=ops, after=after)
