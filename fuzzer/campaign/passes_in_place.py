"""Passes of shrinking that leave every op in its place and make it plainer: payload, names, variants, seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

import msgspec

from fuzzer.plan import Batch, Close, Drop, DropKind, Malformed, MalformedKind, Op, Open, Plan, Send

SMALL = 16  # up to here one less is worth a try
PAUSE = 0.02  # seconds: longer than the windows of most races, and short enough to wait for dozens of times
Change = Callable[[Op], Iterator[Op]]


def tiny_payload(plan: Plan) -> Iterator[Plan]:
    """Empty single messages everywhere; then one message at a time, down to nothing or by halves."""
    yield _everywhere(plan, lambda op: _sent(op, size=0, count=1, fill="ascii", wire="frames"))
    yield _everywhere(plan, lambda op: _sent(op, fill="ascii", wire="frames"))
    yield from _one_at_a_time(plan, _smaller_messages)


def plain_names(plan: Plan) -> Iterator[Plan]:
    """No adversarial user names; then without one of them."""
    yield msgspec.structs.replace(plan, names={})
    for user in plan.names:
        yield msgspec.structs.replace(plan, names={u: name for u, name in plan.names.items() if u != user})


def plain_ops(plan: Plan) -> Iterator[Plan]:
    """The plainest variant of an op: valid tokens, resets, ordinary closes, the first kind of malformed bytes."""
    yield _everywhere(plan, lambda op: next(_plainer(op), op))
    yield from _one_at_a_time(plan, _plainer)


def plain_seed(plan: Plan) -> Iterator[Plan]:
    """The first of all schedules."""
    yield msgspec.structs.replace(plan, schedule_seed=0)


def quiet_server(plan: Plan) -> Iterator[Plan]:
    """No waits, nobody stops or restarts the server, and one cycle; then less of one of these."""
    yield msgspec.structs.replace(plan, batches=tuple(_calmest(batch) for batch in plan.batches), cycles=1)
    for cycles in _steps(plan.cycles, 1):
        yield msgspec.structs.replace(plan, cycles=cycles)
    for number, batch in enumerate(plan.batches):
        for calmer in _calmer(batch):
            batches = (*plan.batches[:number], calmer, *plan.batches[number + 1 :])
            yield msgspec.structs.replace(plan, batches=batches)


def short_waits(plan: Plan) -> Iterator[Plan]:
    """As ``quiet_server``, but short pauses stay: they cost nothing, and may be what makes a race show each time.

    So do cycles, unless one will do: a slope needs most of them, and each is the quicker, the fewer ops it has."""
    for calm in quiet_server(plan):
        if calm.cycles in (1, plan.cycles):
            batches = zip(plan.batches, calm.batches, strict=True)
            yield msgspec.structs.replace(calm, batches=tuple(_with_its_pause(old, new) for old, new in batches))


def _with_its_pause(old: Batch, new: Batch) -> Batch:
    return msgspec.structs.replace(new, wait=old.wait) if old.wait <= PAUSE else new


def _calmest(batch: Batch) -> Batch:
    return Batch(batch.ops, batch.after)


def _calmer(batch: Batch) -> Iterator[Batch]:
    yield _calmest(batch)
    yield msgspec.structs.replace(batch, restart=False)
    for part in (0.0, 0.5):
        yield msgspec.structs.replace(batch, wait=round(batch.wait * part, 3))
        yield msgspec.structs.replace(batch, frozen=round(batch.frozen * part, 3))


def _smaller_messages(op: Op) -> Iterator[Op]:
    if not isinstance(op, Send):
        return
    yield _sent(op, size=0, count=1, fill="ascii", wire="frames")
    for size in _steps(op.size, 0):
        yield _sent(op, size=size)
    for count in _steps(op.count, 1):
        yield _sent(op, count=count)
    yield _sent(op, fill="ascii")
    yield _sent(op, wire="frames")


def _steps(value: int, least: int) -> Iterator[int]:
    """The least value, then half-way, then nearer to the value itself; not finer than a quarter unless it is small."""
    gap = value - least
    for part in (gap, gap // 2, gap // 4, int(4 < gap <= SMALL)):
        if part > 0:
            yield value - part


def _plainer(op: Op) -> Iterator[Op]:
    match op:
        case Open():
            yield msgspec.structs.replace(op, abandon=None, how="reset", token="valid", held=False)
            yield msgspec.structs.replace(op, held=False)
            yield msgspec.structs.replace(op, token="valid")
            yield msgspec.structs.replace(op, how="reset")
        case Close():
            yield msgspec.structs.replace(op, code=1000, reason="", half=False)
            yield msgspec.structs.replace(op, half=False)
            yield msgspec.structs.replace(op, reason="")
        case Drop():
            yield Close(op.conn)
            yield from (Drop(op.conn, how) for how in get_args(DropKind))
        case Malformed():
            yield from (Malformed(op.conn, kind) for kind in get_args(MalformedKind))


def _sent(op: Op, **changes: object) -> Op:
    return msgspec.structs.replace(op, **changes) if isinstance(op, Send) else op


def _everywhere(plan: Plan, change: Callable[[Op], Op]) -> Plan:
    batches = (msgspec.structs.replace(batch, ops=tuple(change(op) for op in batch.ops)) for batch in plan.batches)
    return msgspec.structs.replace(plan, batches=tuple(batches))


def _one_at_a_time(plan: Plan, change: Change) -> Iterator[Plan]:
    for number, batch in enumerate(plan.batches):
        for place, op in enumerate(batch.ops):
            for plainer in change(op):
                ops = (*batch.ops[:place], plainer, *batch.ops[place + 1 :])
                changed = msgspec.structs.replace(batch, ops=ops)
                batches = (*plan.batches[:number], changed, *plan.batches[number + 1 :])
                yield msgspec.structs.replace(plan, batches=batches)
