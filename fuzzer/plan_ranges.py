"""How much of anything a plan may have: sizes, counts, codes, and the times and cycles that make it slow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from fuzzer.plan import Batch, Close, Op, Open, Plan, Send

MOST_SIZE: Final = 16_777_216
MOST_COUNT: Final = 10_000
MOST_CODE: Final = 65_535
MOST_REASON: Final = 123  # bytes: a control frame holds 125, two of them are the code (RFC 6455, 5.5)
MOST_DRIPPED: Final = 1_000  # characters of one message that is sent byte by byte: each byte is a segment of its own
MOST_DRIPS: Final = 4
MOST_FRAGMENTED: Final = 50  # messages in fragments: each brings a ping, and a flood of pings is an attack
MOST_WAIT: Final = 5.0  # seconds of waiting in a whole plan
MOST_FROZEN: Final = 3.0  # seconds for which a server is stopped in a whole plan
MOST_CYCLES: Final = 20
ROUNDING: Final = 1e-9  # of sums of seconds


def range_problems(op: Op) -> list[str]:
    """What is out of range in an op, one line each."""
    match op:
        case Open(held=True, abandon=str()):
            return ["an opening that is abandoned cannot be held, too"]
        case Send():
            size, count = _most(op)
            found = [] if 0 <= op.size <= size else [f"size {op.size} is not in 0..{size}"]
            return found + ([] if 1 <= op.count <= count else [f"count {op.count} is not in 1..{count}"])
        case Close():
            found = [] if 0 <= op.code <= MOST_CODE else [f"code {op.code} is not in 0..{MOST_CODE}"]
            length = len(op.reason.encode("utf-8", "replace"))
            return found + ([] if length <= MOST_REASON else [f"reason of {length} bytes; at most {MOST_REASON}"])
        case _:
            return []


def clamped_op(op: Op) -> Op:
    """The nearest op that is in range."""
    if not range_problems(op):
        return op
    match op:
        case Open():
            return msgspec.structs.replace(op, held=False)
        case Send():
            most, times = _most(op)
            return msgspec.structs.replace(op, size=min(max(0, op.size), most), count=min(max(1, op.count), times))
        case Close():
            reason = op.reason.encode("utf-8", "replace")[:MOST_REASON].decode("utf-8", "ignore")
            return msgspec.structs.replace(op, code=min(max(0, op.code), MOST_CODE), reason=reason)
        case _:
            return op


def at_least(plan: Plan, size: int) -> Plan:
    """The plan with no message smaller than that."""
    if not any(isinstance(op, Send) and op.size < size for op in plan.ops()):
        return plan
    batches = (
        msgspec.structs.replace(batch, ops=tuple(_raised(op, size) for op in batch.ops)) for batch in plan.batches
    )
    return msgspec.structs.replace(plan, batches=tuple(batches))


def _raised(op: Op, size: int) -> Op:
    return msgspec.structs.replace(op, size=max(op.size, size)) if isinstance(op, Send) else op


def smallest_size(plan: Plan, most: int) -> int:
    """The size of the smallest message of the plan, but no more than ``most``."""
    return min((op.size for op in plan.ops() if isinstance(op, Send) and op.size < most), default=most)


def _most(op: Send) -> tuple[int, int]:
    """The largest size and count that this way on the wire allows."""
    if op.wire == "drip":
        return MOST_DRIPPED, MOST_DRIPS
    return MOST_SIZE, MOST_FRAGMENTED if op.wire == "fragments" else MOST_COUNT


def batch_range_problems(batch: Batch) -> list[str]:
    """What is wrong with the times of one batch."""
    return [
        f"{name} is {seconds:g} s; it must be 0 or more"
        for name, seconds in (("wait", batch.wait), ("frozen", batch.frozen))
        if not (math.isfinite(seconds) and seconds >= 0)
    ]


def plan_range_problems(plan: Plan) -> list[str]:
    """What is out of range in the plan as a whole."""
    found = []
    if plan.schedule_seed < 0:
        found.append(f"schedule_seed is {plan.schedule_seed}; it must be 0 or more")
    if not 1 <= plan.cycles <= most_cycles(plan):
        restarts = "" if most_cycles(plan) > 1 else " for a plan that restarts the server"
        found.append(f"cycles is {plan.cycles}, not in 1..{most_cycles(plan)}{restarts}")
    for name, most in (("wait", MOST_WAIT), ("frozen", MOST_FROZEN)):
        total = sum(getattr(batch, name) for batch in plan.batches)
        if total > most + 2 * ROUNDING:
            found.append(f"{name}: {total:g} s in all batches together; at most {most:g}")
    return found


def most_cycles(plan: Plan) -> int:
    """A server that is restarted meanwhile keeps nothing whose growth could be seen."""
    return 1 if any(batch.restart for batch in plan.batches) else MOST_CYCLES


def clamped_batches(batches: Sequence[Batch]) -> tuple[Batch, ...]:
    """The batches with times that keep, from the first on, within what a plan may take."""
    waits, frozen = MOST_WAIT, MOST_FROZEN
    kept = []
    for batch in batches:
        if batch.wait or batch.frozen:  # most have neither
            batch = msgspec.structs.replace(
                batch, wait=_within(batch.wait, waits), frozen=_within(batch.frozen, frozen)
            )
            waits, frozen = waits - batch.wait, frozen - batch.frozen
        kept.append(batch)
    return tuple(kept)


def _within(seconds: float, left: float) -> float:
    return min(seconds, max(0.0, left + ROUNDING)) if math.isfinite(seconds) and seconds > 0 else 0.0
