"""Canonical symbols: connections a, b, c, users u0, messages m0, rooms r0, sessions s0, in order of appearance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import msgspec

from fuzzer.plan import Op, Open, Plan, Send, Subscribe, Unsubscribe
from fuzzer.plan_rules import normalise


def tidy(plan: Plan) -> Plan:
    """The same plan with canonical symbols, without ops that cannot apply. Idempotent; changes nothing on the wire
    but the symbols inside real names. The first batch follows nothing, so its separator is the plainest."""
    plan = normalise(plan)
    renamer = _Renamer()
    batches = tuple(
        msgspec.structs.replace(
            batch, ops=tuple(renamer.op(op) for op in batch.ops), after=batch.after if number else "fence"
        )
        for number, batch in enumerate(plan.batches)
    )
    names = {renamer.users[user]: name for user, name in plan.names.items()}
    return msgspec.structs.replace(plan, batches=batches, names=names)


class _Renamer:
    def __init__(self) -> None:
        self.conns = _table(letters)
        self.users = _table(lambda number: f"u{number}")
        self._messages = _table(lambda number: f"m{number}")
        self._rooms = _table(lambda number: f"r{number}")
        self._sessions = _table(lambda number: f"s{number}")

    def op(self, op: Op) -> Op:
        changes = {"conn": self.conns[op.conn]}
        match op:
            case Open(user=user, session=session):
                changes["user"] = self.users[user]
                changes |= {"session": self._sessions[session]} if session is not None else {}
            case Send(msg=msg, room=room):
                changes["msg"] = self._messages[msg]
                changes |= {"room": self._rooms[room]} if room is not None else {}
            case Subscribe(room=room) | Unsubscribe(room=room):
                changes["room"] = self._rooms[room]
        return msgspec.structs.replace(op, **changes)


def letters(number: int) -> str:
    """a to z, then aa, ab and so on."""
    head, tail = divmod(number, 26)
    return (letters(head - 1) if head else "") + chr(ord("a") + tail)


def _table(name: Callable[[int], str]) -> defaultdict[str, str]:
    """Hands out the next name to each new symbol."""
    table: defaultdict[str, str] = defaultdict(lambda: name(len(table)))
    return table
