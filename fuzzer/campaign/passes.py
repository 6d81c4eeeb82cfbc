"""Passes of shrinking: each lists plans that are simpler than the given one in one respect.

In the order of CONCURRENCY.md, 4.3. A pass only proposes: the shrinker normalises, drops what is not simpler, and
executes the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import count
from typing import Final

import msgspec

from fuzzer.campaign.complexity import order_of_conns, rooms, sessions
from fuzzer.campaign.passes_in_place import plain_names, plain_ops, plain_seed, quiet_server, short_waits, tiny_payload
from fuzzer.campaign.symbols import tidy
from fuzzer.plan import Batch, Op, Open, Plan, Send, Separator

MANY_OPS: Final = 8  # from here on dropping single ops is slower than halving first
TINY: Final = 4
FEW_OPS: Final = 9  # up to here all pairs of ops can be tried

Pass = Callable[[Plan], Iterator[Plan]]


def without(plan: Plan, gone: Collection[int]) -> Plan:
    """The plan without the ops at these places."""
    return keep(plan, lambda place, op: place not in gone)


def places_of(plan: Plan, conns: Collection[str]) -> set[int]:
    """Where the ops of these connections stand."""
    return {place for place, op in enumerate(plan.ops()) if op.conn in conns}


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


def trade_ops(plan: Plan) -> Iterator[Plan]:
    """Fewer ops, which a larger burst or one more user makes up for; only of a tiny plan, since that is rare."""
    if plan.size() > TINY:
        return
    for fewer in (*drop_connections(plan), *merge_connections(plan), *drop_ops(plan)):
        for place, op in enumerate(fewer.ops()):
            if isinstance(op, Send):
                yield replaced(fewer, place, msgspec.structs.replace(op, size=2 * op.size, count=2 * op.count))
            elif isinstance(op, Open) and op.user == plan.users()[0]:
                yield replaced(fewer, place, msgspec.structs.replace(op, user=f"{op.user}-{op.conn}"))


def split_batches(plan: Plan) -> Iterator[Plan]:
    """Parallel to sequential: all in turn; one batch in turn; a batch in two; one op before or after the rest."""
    yield with_batches(plan, tuple(part for batch in plan.batches for part in in_turn(batch)))
    for number, batch in enumerate(plan.batches):
        for parts in _ways_to_split(batch):
            yield with_batches(plan, (*plan.batches[:number], *parts, *plan.batches[number + 1 :]))


def fence_all(plan: Plan) -> Iterator[Plan]:
    """Wait for quiet between batches: everywhere, then at one place."""
    yield with_batches(plan, tuple(_fenced(batch) for batch in plan.batches))
    for number, batch in enumerate(plan.batches):
        if batch.after != "fence":
            yield with_batches(plan, (*plan.batches[:number], _fenced(batch), *plan.batches[number + 1 :]))


def join_batches(plan: Plan) -> Iterator[Plan]:
    """Two batches without a fence between them are better read as one."""
    for number in range(1, len(plan.batches)):
        before, batch = plan.batches[number - 1 : number + 1]
        if batch.after != "fence" and not before.restart:
            joined = msgspec.structs.replace(before, ops=before.ops + batch.ops, restart=batch.restart)
            yield with_batches(plan, (*plan.batches[: number - 1], joined, *plan.batches[number + 1 :]))


def plain_rooms(plan: Plan) -> Iterator[Plan]:
    """Do without rooms and sessions, or with fewer."""
    for room in reversed(rooms(plan)):
        yield rename(plan, "room", room, None)
        yield from (rename(plan, "room", room, other) for other in rooms(plan) if other != room)
    for session in reversed(sessions(plan)):
        yield rename(plan, "session", session, None)
        yield from (rename(plan, "session", session, other) for other in sessions(plan) if other != session)


def in_order(plan: Plan) -> Iterator[Plan]:
    """Release in the order in which the connections appear: everywhere, in one batch, then two neighbours."""
    places = order_of_conns(plan)
    yield with_batches(plan, tuple(_sorted(batch, places) for batch in plan.batches))
    for number, batch in enumerate(plan.batches):
        ways = [_sorted(batch, places)]
        ways += [
            with_ops(batch, (*batch.ops[:at], batch.ops[at + 1], batch.ops[at], *batch.ops[at + 2 :]))
            for at in range(len(batch.ops) - 1)
        ]
        for way in ways:
            yield with_batches(plan, (*plan.batches[:number], way, *plan.batches[number + 1 :]))


def canonical(plan: Plan) -> Iterator[Plan]:
    """Canonical symbols. Every proposal gets them anyway: this is for plans that nothing else makes simpler."""
    yield tidy(plan)


FEWER: Final[tuple[tuple[str, Pass], ...]] = (
    ("a quiet server", short_waits),  # first: what a plan waits for, every candidate would wait for
    ("halving", halves),
    ("dropping batches", drop_batches),
    ("dropping users", drop_users),
    ("dropping connections", drop_connections),
    ("dropping ops", drop_ops),
    ("merging connections", merge_connections),
    ("merging users", merge_users),
    ("merging messages", merge_messages),
)
PLAINER: Final[tuple[tuple[str, Pass], ...]] = (
    ("parallel to sequential", split_batches),
    ("waiting for quiet", fence_all),
    ("no pauses", quiet_server),
    ("joining batches", join_batches),
    ("canonical order", in_order),
    ("tiny payload", tiny_payload),
    ("plain rooms and sessions", plain_rooms),
    ("plain names", plain_names),
    ("plain ops", plain_ops),
    ("schedule seed", plain_seed),
    ("canonical symbols", canonical),
    ("dropping pairs of ops", drop_pairs),
    ("a burst or another user instead", trade_ops),
)
PASSES: Final = FEWER + PLAINER


# ---- building blocks -----------------------------------------------------------------------------------------------


def with_batches(plan: Plan, batches: tuple[Batch, ...]) -> Plan:
    """The plan with other batches."""
    return msgspec.structs.replace(plan, batches=batches)


def keep(plan: Plan, wanted: Callable[[int, Op], bool]) -> Plan:
    """The plan with the ops for which ``wanted(place in the whole plan, op)`` holds."""
    place, batches = 0, []
    for batch in plan.batches:
        numbered = list(enumerate(batch.ops, place))
        place += len(numbered)
        batches.append(with_ops(batch, tuple(op for number, op in numbered if wanted(number, op))))
    return with_batches(plan, tuple(batches))


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


def with_ops(batch: Batch, ops: tuple[Op, ...]) -> Batch:
    """The batch with other ops."""
    return msgspec.structs.replace(batch, ops=ops)


def in_parts(batch: Batch, *parts: tuple[Op, ...], after: Separator = "fence") -> tuple[Batch, ...]:
    """Several batches in place of one: what comes before it stays before, a restart of the server after the last."""
    later = tuple(Batch(ops, after) for ops in parts[1:])
    first = msgspec.structs.replace(batch, ops=parts[0], restart=batch.restart and not later)
    return (first, *later[:-1], *(msgspec.structs.replace(last, restart=batch.restart) for last in later[-1:]))


def in_turn(batch: Batch) -> tuple[Batch, ...]:
    """Each op on its own, with fences between."""
    return in_parts(batch, *((op,) for op in batch.ops))


def _ways_to_split(batch: Batch) -> Iterator[tuple[Batch, ...]]:
    ops = batch.ops
    if len(ops) < 2:
        return
    yield in_turn(batch)
    for at in range(1, len(ops)):
        yield in_parts(batch, ops[:at], ops[at:])
    for at, op in enumerate(ops):
        rest = ops[:at] + ops[at + 1 :]
        yield in_parts(batch, (op,), rest)
        yield in_parts(batch, rest, (op,))


def _fenced(batch: Batch) -> Batch:
    return msgspec.structs.replace(batch, after="fence")


def _sorted(batch: Batch, places: dict[str, int]) -> Batch:
    return with_ops(batch, tuple(sorted(batch.ops, key=lambda op: places[op.conn])))


def distinct(plans: Sequence[Plan]) -> list[Plan]:
    """Each plan once."""
    return [plan for place, plan in enumerate(plans) if plan not in plans[:place]]
