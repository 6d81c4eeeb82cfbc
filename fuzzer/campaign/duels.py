"""Races in their least form: who the finding is about opens in turn, a message goes out, and one other op meets it.

A race of a plan with twenty ops mostly is one message against one op: somebody leaves, or comes, while it is on its way
to the others. Taking ops away one by one moves all that is left in time, and so loses what takes the right millisecond;
to build the few plans of this form costs a few runs. Nothing rests on it: what does not fail is not taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from fuzzer.campaign.causal import users_of
from fuzzer.campaign.changes import conns_of, with_batches
from fuzzer.campaign.symbols import tidy
from fuzzer.history import History
from fuzzer.plan import Batch, Close, Drop, Malformed, Op, Open, Plan, Send, Subscribe, Unsubscribe
from fuzzer.verdict import Finding

MOST: Final = 24
MESSAGE: Final = "duel"

Challenger = Open | Close | Drop | Malformed | Unsubscribe


def duels(plan: Plan, finding: Finding, history: History) -> Iterator[Plan]:
    """Such plans with fewer ops than this one, each once; the op a millisecond after the message first."""
    told: list[Plan] = []
    found = (_met(plan, setting, message, op) for setting, message, op in _pairs(plan, finding, history))
    for candidate in (tidy(one) for ways in found for one in ways):
        if candidate.size() < plan.size() and candidate not in told:
            told.append(candidate)
    yield from islice(sorted(told, key=Plan.size), MOST)


def _pairs(plan: Plan, finding: Finding, history: History) -> Iterator[tuple[Sequence[Op], Send, Op]]:
    """What stands before it, the message, and the op that meets it."""
    mine = set(finding.conns)
    company = conns_of(plan, users_of(finding, history))
    for place, op in enumerate(plan.ops()):
        if isinstance(op, Challenger) and op.conn in company:
            setting = [
                o for o in list(plan.ops())[:place] if o.conn in mine | {op.conn} and isinstance(o, Open | Subscribe)
            ]
            senders = [o.conn for o in setting if isinstance(o, Open) and not o.abandon and o.conn != op.conn]
            if senders:
                yield setting, _message(senders[-1], setting, history.policy.min_size), op


def _message(sender: str, setting: Sequence[Op], size: int) -> Send:
    room = next((op.room for op in setting if isinstance(op, Subscribe) and op.conn == sender), None)
    return Send(sender, MESSAGE, size=size, room=room)


def _met(plan: Plan, setting: Sequence[Op], message: Send, op: Op) -> Iterator[Plan]:
    before = tuple(Batch((one,)) for one in setting)
    yield with_batches(plan, (*before, Batch((message,)), Batch((op,), after="1ms")))
    yield with_batches(plan, (*before, Batch((message, op))))
