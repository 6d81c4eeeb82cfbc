"""Which plans make sense: ``problems`` says what is wrong with one, ``normalise`` leaves out what cannot apply.

A plan is sensible without knowing any server: nothing here asks whether an open will be admitted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from fuzzer.plan import Close, Drop, Finish, Mute, Op, Open, Plan, Resume, Send, Stall
from fuzzer.plan_ranges import (
    batch_range_problems,
    clamped_batches,
    clamped_op,
    most_cycles,
    plan_range_problems,
    range_problems,
)


@dataclass(slots=True)
class _Walk:
    """What the ops so far did to the connections: opened, gone, stalled, muted, and what this batch has used."""

    opened: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    stalled: set[str] = field(default_factory=set)
    muted: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
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
        if (op.conn in self.held) is not isinstance(op, Finish):
            return f"{op.conn} is {'' if op.conn in self.held else 'not '}held in its opening handshake"
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
                self.held.update({op.conn} if op.held else ())
            case Finish():
                self.held.discard(op.conn)
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
    found += plan_range_problems(plan)
    walk = _Walk()
    for number, batch in enumerate(plan.batches):
        if not batch.ops:
            found.append(f"batch {number}: no op")
        found.extend(f"batch {number}: {text}" for text in batch_range_problems(batch))
        walk.in_batch.clear()
        for op in batch.ops:
            where = f"batch {number}, {kind_of(op)} {op.conn}"
            found.extend(f"{where}: {text}" for text in range_problems(op))
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
        kept = tuple(op for op in map(clamped_op, batch.ops) if _admit(walk, op))
        if kept:
            batches.append(msgspec.structs.replace(batch, ops=kept))
    clean = Plan(batches=clamped_batches(batches))
    return msgspec.structs.replace(
        clean,
        schedule_seed=max(0, plan.schedule_seed),
        names=_distinct_names(clean.users(), plan.names),
        cycles=min(max(1, plan.cycles), most_cycles(clean)),
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
