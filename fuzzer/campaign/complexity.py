"""How complex a plan is: the measure that every accepted step of shrinking lowers, so that shrinking ends."""

from __future__ import annotations

from itertools import combinations
from typing import Final, get_args

from fuzzer.campaign.symbols import tidy
from fuzzer.plan import (
    Batch,
    Close,
    Drop,
    DropKind,
    Malformed,
    MalformedKind,
    Op,
    Open,
    Plan,
    Send,
    Subscribe,
    Unsubscribe,
    Wire,
)

_DROPS: Final = get_args(DropKind)
_MALFORMED: Final = get_args(MalformedKind)
_WIRES: Final = get_args(Wire)
# Joining a batch with the one before it costs one more parallel op and saves a separator, so it must be cheaper.
_COST_OF_SEPARATOR: Final = 2

Complexity = tuple[int, ...]


def complexity(plan: Plan) -> Complexity:
    """Natural numbers, the most important first, compared in order; so no plan can get simpler for ever."""
    sends = [op for op in plan.ops() if isinstance(op, Send)]
    return (
        plan.size(),
        len({op.conn for op in plan.ops()}),
        len(plan.users()),
        raciness(plan),
        sum(bool(batch.wait) + bool(batch.frozen) + batch.restart for batch in plan.batches),
        plan.cycles - 1,
        len(rooms(plan)) + len(sessions(plan)) + len(plan.names),
        sum(oddity(op) for op in plan.ops()),
        sum(op.count - 1 for op in sends),
        sum(op.size for op in sends),
        sum((op.fill != "ascii") + _WIRES.index(op.wire) for op in sends),
        sum(round(1000 * (batch.wait + batch.frozen)) for batch in plan.batches),
        sum(disorder(batch, plan) for batch in plan.batches),
        plan.schedule_seed,
        int(tidy(plan) != plan),
    )


def raciness(plan: Plan) -> int:
    """How much of the plan happens at once, or follows without waiting for quiet."""
    parallel = sum(len(batch.ops) - 1 for batch in plan.batches)
    return parallel + sum(_COST_OF_SEPARATOR for batch in plan.batches[1:] if batch.after != "fence")


def rooms(plan: Plan) -> tuple[str, ...]:
    """Room symbols, in order."""
    named = (op.room for op in plan.ops() if isinstance(op, Send | Subscribe | Unsubscribe))
    return tuple(dict.fromkeys(room for room in named if room is not None))


def sessions(plan: Plan) -> tuple[str, ...]:
    """Session symbols, in order."""
    return tuple(users_by_session(plan))


def users_by_session(plan: Plan) -> dict[str, frozenset[str]]:
    """Who opens connections in each session."""
    users: dict[str, frozenset[str]] = {}
    for op in plan.ops():
        if isinstance(op, Open) and op.session is not None:
            users[op.session] = users.get(op.session, frozenset()) | {op.user}
    return users


def oddity(op: Op) -> int:
    """How far the op is from the plainest one that can stand in its place."""
    match op:
        case Open(abandon=abandon, how=how, token=token, held=held):
            return 4 * (abandon is not None) + (how != "reset") + 2 * (token != "valid") + held
        case Close(code=code, reason=reason, half=half):
            return (code != 1000) + (reason != "") + half
        case Drop(how=how):
            return 4 + _DROPS.index(how)  # more than any close: a close is what everybody expects
        case Malformed(kind=kind):
            return _MALFORMED.index(kind)
        case _:
            return 0


def disorder(batch: Batch, plan: Plan) -> int:
    """Pairs of ops in a batch that are released against the order in which their connections first appear."""
    if len(batch.ops) < 2:
        return 0
    places = order_of_conns(plan)
    return sum(places[left.conn] > places[right.conn] for left, right in combinations(batch.ops, 2))


def order_of_conns(plan: Plan) -> dict[str, int]:
    """The place of each connection in the order of first appearance."""
    return {conn: place for place, conn in enumerate(dict.fromkeys(op.conn for op in plan.ops()))}
