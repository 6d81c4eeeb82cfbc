"""What happens around the ops of a stroke: the server is frozen or started again, or time passes. All of it is rare."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from fuzzer.plan import Batch, Drop, Send
from strategies.choice import Draw
from strategies.draft import Draft, Tab

# Seconds: as short as will do, since the ops are there at once; now and then long enough for timers to run out.
FROZEN: Final = ((0.004, 80), (0.02, 17), (0.2, 3))
FROZEN_PERCENT: Final = 8  # of strokes; one batch of each
RESTART_IN: Final = 600  # strokes: the start of a server takes as long as many plans
HUNG_RESTART_IN: Final = 30  # strokes with somebody there who will not answer: an end that waits for all takes for ever
WAIT_IN: Final = 400  # strokes, where there is something to wait for
EXPIRY_PERCENT: Final = 2  # of strokes with a brief token, of which there are few
BREATH: Final = 0.1  # seconds: as long as two plans, and longer than a timer that only bridges a reconnection in a test
RETURN_PERCENT: Final = 70  # of strokes that leave a session that has come back
CYCLES_IN: Final = 300  # plans
CYCLES: Final = 9  # one more than a slope needs


def season(draw: Draw, draft: Draft, batches: tuple[Batch, ...]) -> tuple[Batch, ...]:
    """The batches of a stroke, perhaps with something done to the server or to the time.

    ``draft`` is as it was before them.
    """
    if not batches:
        return batches
    made = list(batches)
    shape, swarm = draft.shape, draft.swarm
    if shape.started and swarm.has("frozen") and draw.percent(FROZEN_PERCENT):
        most = max(range(len(made)), key=lambda number: len(made[number].ops))
        made[most] = replace(made[most], frozen=draw.weighted(FROZEN))
    if seconds := _wait(draw, draft):
        made[-1] = replace(made[-1], wait=seconds)
    after = draft.fork()
    for batch in batches:
        after.append(batch)
    if shape.restartable and swarm.has("restart") and _restarts(draw, after):
        made[-1] = replace(made[-1], restart=True)
        return tuple(made)
    return (*made, *(_expired(draw, after) or _returned(draw, after)))


def _restarts(draw: Draw, after: Draft) -> bool:
    hung = any(tab.standing == "hung" or (tab.stalled and tab.standing == "live") for tab in after.tabs.values())
    rarely = HUNG_RESTART_IN if hung else RESTART_IN
    return draw.below(rarely) == rarely - 1


def _wait(draw: Draw, draft: Draft) -> float:
    shape = draft.shape
    if not draft.swarm.has("wait"):
        return 0.0
    if shape.due == "given-up" and shape.given_up and not _waited(draft, shape.given_up):
        silent = [tab for tab in draft.tabs.values() if tab.standing == "hung" or (tab.standing == "live" and tab.mute)]
        return shape.given_up if silent else 0.0
    return draw.one(shape.waits) if shape.waits and draw.below(WAIT_IN) == WAIT_IN - 1 else 0.0


def _waited(draft: Draft, seconds: float | None) -> bool:
    return any(batch.wait == seconds for batch in draft.batches)


def _expired(draw: Draw, after: Draft) -> tuple[Batch, ...]:
    """A message of one whose token has run out by then: nothing else shows so well that it still counts."""
    brief = [tab for tab in after.live() if tab.brief and (after.shape.group != "room" or tab.rooms)]
    percent = EXPIRY_PERCENT if after.shape.due != "expiry" else 0 if _waited(after, after.shape.expiry) else 100
    if after.shape.expiry is None or not brief or not after.swarm.has("wait") or not draw.percent(percent):
        return ()
    return (_message(draw.one(brief), after, wait=after.shape.expiry),)


def _returned(draw: Draw, after: Draft) -> tuple[Batch, ...]:
    """A message of one that has come back after a drop: what that has set going may be still to come, and take the new
    connection for the old. After a Close there is nothing left to wait for."""
    dropped = {op.conn for batch in after.batches for op in batch.ops if isinstance(op, Drop)}
    ended = {tab.session for tab in after.tabs.values() if tab.session and tab.name in dropped}
    back = [tab for tab in after.live() if tab.session in ended and (after.shape.group != "room" or tab.rooms)]
    if not back or not after.swarm.has("wait") or _waited(after, BREATH) or not draw.percent(RETURN_PERCENT):
        return ()
    return (_message(draw.one(back), after, wait=BREATH),)


def _message(tab: Tab, after: Draft, wait: float) -> Batch:
    room = min(tab.rooms) if after.shape.group == "room" else None
    return Batch((Send(conn=tab.name, msg=after.new("m"), room=room),), wait=wait)


def draw_cycles(draw: Draw, draft: Draft) -> int:
    """How often the plan is executed: nearly always once."""
    may = draft.shape.measured and draft.swarm.has("cycles")
    return CYCLES if may and draw.below(CYCLES_IN) == CYCLES_IN - 1 else 1
