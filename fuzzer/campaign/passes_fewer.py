"""Passes of shrinking that propose fewer ops: they drop some, let one do the work of two, or trade them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from fuzzer.campaign.changes import conns_of, places_of, rename, replaced, with_batches, without
from fuzzer.campaign.complexity import order_of_conns
from fuzzer.plan import Open, Plan, Send

MANY_OPS: Final = 8  # from here on dropping single ops is slower than halving first
TINY: Final = 4
FEW_OPS: Final = 9  # up to here all pairs of ops can be tried


def halves(plan: Plan) -> Iterator[Plan]:
    """Drop runs of ops, long ones first (Zeller and Hildebrandt's ddmin)."""
    size = plan.size()
    width = size // 2
    while width >= 2 and size > MANY_OPS:
        for start in range(size - width, -width, -width):
            gone = set(range(max(0, start), start + width))
            yield without(plan, gone)
        width //= 2


def drop_batches(plan: Plan) -> Iterator[Plan]:
    """Drop one batch, the last ones first; a restart of the server after it may then come after the one before."""
    for number in reversed(range(len(plan.batches))):
        before, gone, after = plan.batches[:number], plan.batches[number], plan.batches[number + 1 :]
        if gone.restart and before:
            yield with_batches(plan, (*before[:-1], msgspec.structs.replace(before[-1], restart=True), *after))
        yield with_batches(plan, before + after)


def drop_users(plan: Plan) -> Iterator[Plan]:
    """Drop one user with all connections."""
    for user in reversed(plan.users()):
        conns = conns_of(plan, {user})
        yield without(plan, places_of(plan, conns))


def drop_connections(plan: Plan) -> Iterator[Plan]:
    """Drop one connection with all its ops."""
    for conn in reversed(order_of_conns(plan)):
        yield without(plan, places_of(plan, {conn}))


def drop_ops(plan: Plan) -> Iterator[Plan]:
    """Drop one op, the last ones first."""
    for gone in reversed(range(plan.size())):
        yield without(plan, {gone})


def drop_pairs(plan: Plan) -> Iterator[Plan]:
    """Drop two ops that only make sense together, once the plan is small."""
    size = plan.size()
    for first in range(size) if size <= FEW_OPS else ():
        for second in range(first + 1, size):
            yield without(plan, {first, second})


def merge_connections(plan: Plan) -> Iterator[Plan]:
    """Let one connection do what two did; the second open then falls away."""
    owners = {op.conn: op.user for op in plan.ops() if isinstance(op, Open)}
    conns = [conn for conn in order_of_conns(plan) if conn in owners]
    for place, gone in reversed(list(enumerate(conns))):
        for kept in conns[:place]:
            if owners[gone] == owners[kept]:
                yield rename(plan, "conn", gone, kept)


def merge_users(plan: Plan) -> Iterator[Plan]:
    """Let one user have the connections of two."""
    users = plan.users()
    for place, gone in reversed(list(enumerate(users))):
        for kept in users[:place]:
            yield rename(plan, "user", gone, kept)


def merge_messages(plan: Plan) -> Iterator[Plan]:
    """Let one op send what two of a connection did, one next to the other: a burst in place of either."""
    earlier: dict[tuple[str, str | None], tuple[int, Send]] = {}
    for second, op in enumerate(plan.ops()):
        if not isinstance(op, Send):
            continue
        if known := earlier.get((op.conn, op.room)):
            first, one = known
            burst = msgspec.structs.replace(one, size=max(one.size, op.size), count=one.count + op.count)
            yield without(replaced(plan, first, burst), {second})
            yield without(replaced(plan, second, burst), {first})
        earlier[op.conn, op.room] = second, op


def open_late(plan: Plan) -> Iterator[Plan]:
    """Let a connection come where it did its first thing, in place of that: to be there may be all that matters."""
    openings: dict[str, tuple[int, Open]] = {}
    for place, op in enumerate(plan.ops()):
        if isinstance(op, Open):
            openings[op.conn] = place, op
        elif op.conn in openings:
            first, opening = openings.pop(op.conn)
            yield without(replaced(plan, place, opening), {first})


def trade_ops(plan: Plan) -> Iterator[Plan]:
    """Fewer ops, which a larger burst or one more user makes up for; only of a tiny plan, since that is rare."""
    if plan.size() > TINY:
        return
    for fewer in (*drop_connections(plan), *merge_connections(plan), *drop_ops(plan)):
        for place, op in enumerate(fewer.ops()):
            if isinstance(op, Send):
                yield replaced(fewer, place, msgspec.structs.replace(op, size=2 * op.size, count=2 * op.count))
            elif isinstance(op, Open) and op.user == plan.users()[0]:
                own = op.session and f"{op.session}-{op.conn}"  # a session belongs to one user
                yield replaced(fewer, place, msgspec.structs.replace(op, user=f"{op.user}-{op.conn}", session=own))
