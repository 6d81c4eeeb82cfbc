"""Passes of shrinking: each lists plans that are simpler than the given one in one respect.

In the order of CONCURRENCY.md, 4.3. A pass only proposes: the shrinker normalises, drops what is not simpler, and
executes the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from fuzzer.campaign.changes import in_parts, in_turn, rename, with_batches, with_ops
from fuzzer.campaign.complexity import order_of_conns, rooms, sessions, users_by_session
from fuzzer.campaign.passes_fewer import (
    drop_batches,
    drop_connections,
    drop_ops,
    drop_pairs,
    drop_users,
    halves,
    merge_connections,
    merge_messages,
    merge_users,
    open_late,
    trade_ops,
)
from fuzzer.campaign.passes_in_place import plain_names, plain_ops, plain_seed, quiet_server, short_waits, tiny_payload
from fuzzer.campaign.symbols import tidy
from fuzzer.plan import Batch, Plan

Pass = Callable[[Plan], Iterator[Plan]]


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
        yield from (rename(plan, "session", session, other) for other in _sessions_of_the_same_users(plan, session))


def _sessions_of_the_same_users(plan: Plan, session: str) -> Iterator[str]:
    """Two users in one session are something that no plan has: whose messages would it be sent again?"""
    users = users_by_session(plan)
    return (other for other in users if other != session and users[other] == users[session])


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
    ("opening late", open_late),
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
