"""Which plans make sense: ``problems`` says what is wrong with one, ``normalise`` leaves out what cannot apply.

A plan is sensible without knowing any server: nothing here asks whether an open will be admitted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from fuzzer.plan import Batch, Close, Drop, Mute, Op, Open, Plan, Resume, Send, Stall

MOST_SIZE: Final = 16_777_216
MOST_COUNT: Final = 10_000
MOST_CODE: Final = 65_535
MOST_REASON: Final = 123  # bytes: a control frame holds 125, two of them are the code (RFC 6455, 5.5)


@dataclass(slots=True)
class _Walk:
    """What the ops so far did to the connections: opened, gone, stalled, muted, and what this batch has used."""

    opened: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    stalled: set[str] = field(default_factory=set)
    muted: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    in_batch: set[str] = field(default_factory=set)

    def objection(self, op: Op) -> str | None:
        """Why this op cannot apply now; None if it can."""
        if op.conn in self.in_batch:
            return f"a second op on {op.conn} in one batch"
        if isinstance(op, Open):
            return f"{op.conn} is opened a second time" if op.conn in self.opened else None
        if op.conn not in self.opened:
            return f"{op.conn} was never opened"
        if op.conn in self.gone:
            return f"{op.conn} has already ended"
        return self._state_objection(op)

    def _state_objection(self, op: Op) -> str | None:
        match op:
            case Send(msg=msg) if msg in self.messages:
                return f"message {msg} is sent a second time"
            case Stall(conn=conn) if conn in self.stalled:
                return f"{conn} is already stalled"
            case Resume(conn=conn) if conn not in self.stalled:
                return f"{conn} is not stalled"
            case Mute(conn=conn) if conn in self.muted:
                return f"{conn} is already mute"
            case _:
                return None

    def accept(self, op: Op) -> None:
        """Note what the op does."""
        self.in_batch.add(op.conn)
        match op:
            case Open():
                self.opened.add(op.conn)
                self.gone.update({op.conn} if op.abandon else ())
            case Close() | Drop():
                self.gone.add(op.conn)
            case Send():
                self.messages.add(op.msg)
            case Stall():
                self.stalled.add(op.conn)
            case Resume():
                self.stalled.discard(op.conn)
            case Mute():
                self.muted.add(op.conn)
            case _:
                pass


def problems(plan: Plan) -> tuple[str, ...]:
    """One line for each thing that is wrong, with its place; empty for a plan that can be executed as it stands."""
    found = list(_name_problems(plan))
    if plan.schedule_seed < 0:
        found.append(f"schedule_seed is {plan.schedule_seed}; it must be 0 or more")
    walk = _Walk()
    for number, batch in enumerate(plan.batches):
        if not batch.ops:
            found.append(f"batch {number}: no op")
        walk.in_batch.clear()
        for op in batch.ops:
            where = f"batch {number}, {kind_of(op)} {op.conn}"
            found.extend(f"{where}: {text}" for text in _range_problems(op))
            why = walk.objection(op)
            if why is None:
                walk.accept(op)
            else:
                found.append(f"{where}: {why}")
    return tuple(found)


def normalise(plan: Plan) -> Plan:
    """The nearest plan without problems: drops ops that cannot apply and empty batches, clamps sizes. Idempotent."""
    walk = _Walk()
    batches = []
    for batch in plan.batches:
        walk.in_batch.clear()
        kept = tuple(op for op in map(_clamped, batch.ops) if _admit(walk, op))
        if kept:
            batches.append(Batch(ops=kept, after=batch.after))
    users = Plan(batches=tuple(batches)).users()
    return Plan(
        batches=tuple(batches),
        schedule_seed=max(0, plan.schedule_seed),
        names=_distinct_names(users, plan.names),
    )


def connection_symbol(number: int) -> str:
    """``a`` to ``z``, then ``aa``: what connections are called, in the order of their opening."""
    rest, place = divmod(number, 26)
    return (connection_symbol(rest - 1) if rest else "") + chr(ord("a") + place)


def kind_of(op: Op) -> str:
    """The name of the op as the JSON has it: ``open``, ``send`` and so on."""
    return str(op.__struct_config__.tag)


def _admit(walk: _Walk, op: Op) -> bool:
    if walk.objection(op) is not None:
        return False
    walk.accept(op)
    return True


def _name_problems(plan: Plan) -> list[str]:
    users = plan.users()
    found = [f"names: {user} opens nothing" for user in plan.names if user not in users]
    found += [f"names: the name of {user} is empty" for user, name in plan.names.items() if not name]
    if len(_real_names(users, plan.names)) < len(users):
        found.append("names: two users have the same name")
    return found


def _real_names(users: tuple[str, ...], names: dict[str, str]) -> set[str]:
    return {names.get(user, user) for user in users}


def _distinct_names(users: tuple[str, ...], names: dict[str, str]) -> dict[str, str]:
    """The names as long as they keep all users apart (a user without one is called by its symbol), else fewer."""
    kept = {user: name for user in users if (name := names.get(user))}
    while len(_real_names(users, kept)) < len(users):
        kept.popitem()
    return kept


def _range_problems(op: Op) -> list[str]:
    match op:
        case Send():
            found = [] if 0 <= op.size <= MOST_SIZE else [f"size {op.size} is not in 0..{MOST_SIZE}"]
            return found + ([] if 1 <= op.count <= MOST_COUNT else [f"count {op.count} is not in 1..{MOST_COUNT}"])
        case Close():
            found = [] if 0 <= op.code <= MOST_CODE else [f"code {op.code} is not in 0..{MOST_CODE}"]
            length = len(op.reason.encode("utf-8", "replace"))
            return found + ([] if length <= MOST_REASON else [f"reason of {length} bytes; at most {MOST_REASON}"])
        case _:
            return []


def _clamped(op: Op) -> Op:
    match op:
        case Send() if _range_problems(op):
            size, count = min(max(0, op.size), MOST_SIZE), min(max(1, op.count), MOST_COUNT)
            return msgspec.structs.replace(op, size=size, count=count)
        case Close() if _range_problems(op):
            reason = op.reason.encode("utf-8", "replace")[:MOST_REASON].decode("utf-8", "ignore")
            return msgspec.structs.replace(op, code=min(max(0, op.code), MOST_CODE), reason=reason)
        case _:
            return op
