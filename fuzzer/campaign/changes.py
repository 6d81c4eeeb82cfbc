"""Ways to change a plan, of which the passes of shrinking are made. Nothing is checked, and nothing need be simpler."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import count

import msgspec

from fuzzer.plan import Batch, Op, Open, Plan, Send, Separator


def with_batches(plan: Plan, batches: tuple[Batch, ...]) -> Plan:
    """The plan with other batches."""
    return msgspec.structs.replace(plan, batches=batches)


def with_ops(batch: Batch, ops: tuple[Op, ...]) -> Batch:
    """The batch with other ops."""
    return msgspec.structs.replace(batch, ops=ops)


def keep(plan: Plan, wanted: Callable[[int, Op], bool]) -> Plan:
    """The plan with the ops for which ``wanted(place in the whole plan, op)`` holds."""
    place, batches = 0, []
    for batch in plan.batches:
        numbered = list(enumerate(batch.ops, place))
        place += len(numbered)
        batches.append(with_ops(batch, tuple(op for number, op in numbered if wanted(number, op))))
    return with_batches(plan, tuple(batches))


def without(plan: Plan, gone: Collection[int]) -> Plan:
    """The plan without the ops at these places."""
    return keep(plan, lambda place, op: place not in gone)


def places_of(plan: Plan, conns: Collection[str]) -> set[int]:
    """Where the ops of these connections stand."""
    return {place for place, op in enumerate(plan.ops()) if op.conn in conns}


def replaced(plan: Plan, place: int, new: Op) -> Plan:
    """The plan with another op at this place."""
    places = count()
    return with_batches(
        plan,
        tuple(with_ops(b, tuple(new if next(places) == place else op for op in b.ops)) for b in plan.batches),
    )


def conns_of(plan: Plan, users: set[str]) -> set[str]:
    """The connections of these users."""
    return {op.conn for op in plan.ops() if isinstance(op, Open) and op.user in users}


def rename(plan: Plan, attribute: str, old: str, new: str | None) -> Plan:
    """Every ``attribute`` (conn, user, room, session) that is ``old`` becomes ``new``; None takes room ops away."""
    batches = []
    for batch in plan.batches:
        ops = (_renamed(op, attribute, old, new) for op in batch.ops)
        batches.append(with_ops(batch, tuple(op for op in ops if op is not None)))
    return with_batches(plan, tuple(batches))


def _renamed(op: Op, attribute: str, old: str, new: str | None) -> Op | None:
    if getattr(op, attribute, None) != old:
        return op
    if new is None and not isinstance(op, Open | Send):
        return None
    return msgspec.structs.replace(op, **{attribute: new})


def in_parts(batch: Batch, *parts: tuple[Op, ...], after: Separator = "fence") -> tuple[Batch, ...]:
    """Several batches in place of one: what comes before it stays before, a restart of the server after the last."""
    later = tuple(Batch(ops, after) for ops in parts[1:])
    first = msgspec.structs.replace(batch, ops=parts[0], restart=batch.restart and not later)
    return (first, *later[:-1], *(msgspec.structs.replace(last, restart=batch.restart) for last in later[-1:]))


def in_turn(batch: Batch) -> tuple[Batch, ...]:
    """Each op on its own, with fences between."""
    return in_parts(batch, *((op,) for op in batch.ops))


def distinct(plans: Sequence[Plan]) -> list[Plan]:
    """Each plan once."""
    return [plan for place, plan in enumerate(plans) if plan not in plans[:place]]
