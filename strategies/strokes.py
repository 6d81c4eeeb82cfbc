"""Strokes: the short stretches that plans are made of, each a few batches about one thing.

They follow what real bugs need (a pair that races; going through empty, full and refused; a stall with enough data
behind it), not what is easy to draw. Every stroke works on a fork and returns its batches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from fuzzer.plan import Batch, Op, Resume, Send, Subscribe, Unsubscribe
from strategies.choice import Draw
from strategies.draft import Draft, Tab, Turn
from strategies.ops import MAKERS, ROOMS, STRANGER_PERCENT, Aim, open_op, padding_kinds, speaks, uses_sessions
from strategies.pairs import PAIRS, Pair
from strategies.season import BREATH
from strategies.separators import draw_near, draw_separator

Batches = tuple[Batch, ...]
Stroke = Callable[[Draw, Draft], Batches]

PADS: Final = ((0, 26), (1, 28), (2, 24), (3, 14), (4, 8))
ASK_IN: Final = 40
LATER_PERCENT: Final = 2
BREATH_PERCENT: Final = 5
FEW: Final = 4  # members of a group that a flood goes to: each gets stall_bytes


def race(draw: Draw, draft: Draft) -> Batches:
    """A racing pair on one user or in one room, with other ops around it; at the limit if it is about opening."""
    pair = draw.weighted([(pair, pair.weight) for pair in PAIRS if _possible(pair, draft)])
    aim = Aim(draw_user(draw, draft), draw.one(ROOMS) if pair.room else None)
    before = _prepare(draw, draft, pair, aim)
    kinds = [pair.right, pair.left] if draw.percent(50) else [pair.left, pair.right]
    turn = Turn(draft)
    first, second = _make(draw, turn, kinds[0], aim), None
    if draw.percent(25):
        pad(draw, turn, aim)
        before += turn.finish(draw_separator(draw, draft.swarm))
        turn = Turn(draft)
        second = _make(draw, turn, kinds[1], aim)
        return before + turn.finish(draw_near(draw, draft.swarm))
    second = _make(draw, turn, kinds[1], aim)
    if first is not None or second is not None:
        pad(draw, turn, aim)
    return before + turn.finish(draw_separator(draw, draft.swarm))


def talk(draw: Draw, draft: Draft) -> Batches:
    """Several members of one group send at once."""
    aim = Aim(draw_user(draw, draft))
    before = gather(draw, draft, aim, 2 + draw.below(2))
    turn = Turn(draft)
    for _ in range(1 + draw.below(4)):
        _make(draw, turn, "send", aim)
    if draw.percent(30):
        pad(draw, turn, aim)
    return before + turn.finish(draw_separator(draw, draft.swarm))


def mix(draw: Draw, draft: Draft) -> Batches:
    """Ops of any kind by anybody."""
    turn = Turn(draft)
    for _ in range(1 + draw.below(5)):
        _make(draw, turn, draw.weighted(padding_kinds(draft)), Aim(draw_user(draw, draft)))
    return turn.finish(draw_separator(draw, draft.swarm))


def turn_over(draw: Draw, draft: Draft) -> Batches:
    """Through full and refused: fill up, one above, then one leaves and one enters."""
    aim = Aim(draw_user(draw, draft))
    limit = draft.room_for(aim.user)
    batches = gather(draw, draft, aim, limit if limit is not None and limit <= 6 else 2)
    batches += one_batch(draw, draft, aim, "open")
    batches += one_batch(draw, draft, aim, "drop" if draw.percent(60) else "close")
    batches += one_batch(draw, draft, aim, "open")
    return batches + one_batch(draw, draft, aim, "send")


def run_empty(draw: Draw, draft: Draft) -> Batches:
    """Everybody of one user leaves at once, and somebody comes at once or later."""
    aim = Aim(draw_user(draw, draft))
    turn = Turn(draft)
    for _ in draft.live(aim.user):
        _make(draw, turn, "drop" if draw.percent(40) else "close", aim)
    if draw.percent(40):
        _make(draw, turn, "open", aim)
    batches = turn.finish(draw_separator(draw, draft.swarm))
    return batches + gather(draw, draft, aim, 1 + draw.below(2)) + one_batch(draw, draft, aim, "send")


def reconnect(draw: Draw, draft: Draft) -> Batches:
    """The same session again: beside the old connection, in the instant of its end, or after it."""
    aim = Aim(draw_user(draw, draft))
    batches = gather(draw, draft, aim, 2)
    end = "close" if draw.percent(40) else "drop"
    again = "reopen" if uses_sessions(draft) else "open"
    order = draw.one(((end, again), (again, end)))
    if draw.percent(45):
        turn = Turn(draft)
        for kind in order:
            _make(draw, turn, kind, aim)
        batches += turn.finish(draw_separator(draw, draft.swarm))
    else:
        batches += one_batch(draw, draft, aim, order[0]) + one_batch(draw, draft, aim, order[1])
    return batches + _later(draw, draft, one_batch(draw, draft, aim, "send"))


def fail(draw: Draw, draft: Draft) -> Batches:
    """One connection fails, alone or while another sends; then the others talk."""
    aim = Aim(draw_user(draw, draft))
    batches = gather(draw, draft, aim, 3)
    kinds = [kind for kind, _ in padding_kinds(draft) if kind in ("drop", "abandon", "malformed", "mute")]
    turn = Turn(draft)
    weights = [(kind, 3 if kind == "malformed" else 1) for kind in kinds]  # it has the most kinds of its own
    _make(draw, turn, draw.weighted(weights or [("close", 1)]), aim)
    if draw.percent(50):
        _make(draw, turn, "send", aim)
    batches += turn.finish(draw_separator(draw, draft.swarm))
    return batches + _later(draw, draft, one_batch(draw, draft, aim, draw.one(("send", "open"))))


def flood(draw: Draw, draft: Draft) -> Batches:
    """One stops reading, a sibling sends more than every buffer holds, then a small message; perhaps it reads again.

    Rare, since it moves megabytes: without the budget for it, or in a large group, this is a race like others.
    """
    amount, aim = draft.shape.flood(), Aim(draw_user(draw, draft))
    crowd = len(draft.live(None if draft.shape.group == "all" else aim.user))
    if draft.floods <= 0 or amount is None or crowd > FEW or "stall" not in draft.shape.kinds:
        return race(draw, draft)
    batches = gather(draw, draft, aim, 2 + draw.below(2))
    kind = "stall" if len(draft.live(aim.user)) > 1 else "send"  # the others may still be held in their opening
    batches += one_batch(draw, draft, aim, kind)
    stalled = [tab for tab in draft.live(aim.user) if tab.stalled]
    sender = _reading_sender(draft, aim)
    if not stalled or sender is None:
        return batches
    room = _room_of(sender, stalled[-1]) if draft.shape.group == "room" else None
    batches += _single(draft, Send(conn=sender.name, msg=draft.new("m"), size=amount[0], count=amount[1], room=room))
    batches += _while_stalled(draw, draft, aim)
    if draw.percent(50):
        batches += _single(draft, Resume(conn=stalled[-1].name)) + one_batch(draw, draft, aim, "send")
    return batches


def hold(draw: Draw, draft: Draft) -> Batches:
    """Some stop short in their opening handshake while others go on; then they finish at once, with something else.

    Half of the time a race as others: what a handshake under way brings out is not much.
    """
    if "held" not in draft.shape.kinds or not draft.swarm.has("held") or draw.percent(50):
        return race(draw, draft)
    aim = Aim(draw_user(draw, draft))
    batches = gather(draw, draft, aim, 1 + draw.below(3))
    turn = Turn(draft)
    for _ in range(1 + draw.below(2)):
        _make(draw, turn, "held", aim)
    batches += turn.finish(draw_separator(draw, draft.swarm))
    batches += one_batch(draw, draft, aim, draw.one(("send", "open", "drop")))
    turn = Turn(draft)
    for _ in turn.held(aim.user):
        _make(draw, turn, "finish", aim)
    if turn.ops:
        pad(draw, turn, aim)
    return batches + turn.finish(draw_separator(draw, draft.swarm)) + one_batch(draw, draft, aim, "send")


def ask(draw: Draw, draft: Draft) -> Batches:
    """Somebody leaves, and another asks who is present once that must be known. Rare, since that takes long."""
    settled = draft.shape.settled
    if settled is None or not draft.swarm.has("query") or draw.below(ASK_IN):
        return race(draw, draft)
    aim, other = Aim(draw_user(draw, draft)), Aim(draft.users()[-1] if draft.users() else "u0")
    batches = gather(draw, draft, other, 1) + gather(draw, draft, aim, 2)
    batches += one_batch(draw, draft, aim, draw.one(("drop", "close", "open")))
    asked = one_batch(draw, draft, other, "query")
    return batches + tuple(replace(batch, wait=settled) for batch in asked)


def pipeline(draw: Draw, draft: Draft) -> Batches:
    """One connection joins and leaves rooms, also such as it is not in, without waiting for answers, then talks."""
    if not draft.shape.rooms:
        return race(draw, draft)
    aim = Aim(draw_user(draw, draft))
    batches = gather(draw, draft, aim, 1 + draw.below(2))
    for tab in sorted(draft.live(aim.user), key=lambda tab: len(tab.rooms))[:1]:
        for number in range(2 + draw.below(2)):
            room = draw.one(ROOMS)
            leaves = draw.percent(70 if room in tab.rooms else STRANGER_PERCENT)
            op = Unsubscribe(tab.name, room) if leaves else Subscribe(tab.name, room)
            batches += Turn(draft, [op]).finish("instant" if number else "fence")
    return batches + one_batch(draw, draft, aim, "send")


def _later(draw: Draw, draft: Draft, batches: Batches) -> Batches:
    """Now and then the batches come only when every timer that may run, or every short one, has run out."""
    if not draft.swarm.has("wait"):
        return batches
    patient = draft.shape.waits and draw.percent(LATER_PERCENT)
    seconds = draft.shape.waits[-1] if patient else BREATH if draw.percent(BREATH_PERCENT) else 0.0
    return tuple(replace(batch, wait=seconds) for batch in batches) if seconds else batches


STROKES: Final[dict[str, Stroke]] = {
    stroke.__name__: stroke
    for stroke in (race, talk, mix, fail, turn_over, run_empty, reconnect, flood, hold, ask, pipeline)
}


def draw_user(draw: Draw, draft: Draft) -> str:
    """Mostly the first user, so that ops meet."""
    users = draft.users() or ("u0",)
    return users[0] if draw.percent(75) else draw.one(users)


def gather(draw: Draw, draft: Draft, aim: Aim, count: int) -> Batches:
    """See to it that the user has this many live connections (as far as the limit allows), in rooms if need be."""
    most = min(count, draft.room_for(aim.user) or count)
    turn = Turn(draft)
    while len(draft.live(aim.user)) + turn.opening() < most and (op := open_op(draw, turn, aim)):
        turn.ops.append(op)
    batches = turn.finish()
    needs_room = draft.shape.rooms and (aim.room is not None or draft.shape.group == "room")
    return batches + (enter(draft, draft.live(aim.user), aim.room or ROOMS[0]) if needs_room else ())


def enter(draft: Draft, tabs: list[Tab], room: str) -> Batches:
    """Subscribe those of the tabs that are not in the room yet, in one batch."""
    return Turn(draft, [Subscribe(conn=tab.name, room=room) for tab in tabs if room not in tab.rooms]).finish()


def one_batch(draw: Draw, draft: Draft, aim: Aim, kind: str) -> Batches:
    """A batch about one op of this kind, if there is one to be had; now and then with a send beside it."""
    turn = Turn(draft)
    if _make(draw, turn, kind, aim) is not None and draw.percent(45):
        _make(draw, turn, "send", aim)
    return turn.finish(draw_separator(draw, draft.swarm))


def pad(draw: Draw, turn: Turn, aim: Aim) -> None:
    """Other ops around those that the batch is about: before or after them, mostly on the same user."""
    for _ in range(draw.weighted(PADS)):
        user = aim.user if draw.percent(70) else draw_user(draw, turn.draft)
        kind = draw.weighted(padding_kinds(turn.draft))
        if (op := MAKERS[kind](draw, turn, Aim(user))) is not None:
            turn.ops.insert(0 if draw.percent(40) else len(turn.ops), op)


def _make(draw: Draw, turn: Turn, kind: str, aim: Aim) -> Op | None:
    op = MAKERS[kind](draw, turn, aim)
    turn.ops.extend(() if op is None else (op,))
    return op


def _possible(pair: Pair, draft: Draft) -> bool:
    kinds = {pair.left, pair.right}
    known = {kind for kind, _ in padding_kinds(draft)}
    return kinds <= known and (not pair.room or draft.shape.rooms)


def _prepare(draw: Draw, draft: Draft, pair: Pair, aim: Aim) -> Batches:
    """Enough members for the pair and one survivor; for an open, up to one below the limit or up to it."""
    limit = draft.room_for(aim.user)
    existing = sum(kind not in ("open", "reopen", "abandon") for kind in (pair.left, pair.right))
    wanted = existing + (1 if draw.percent(70) else 0)
    if limit is not None and existing < 2 and limit <= 6 and draw.percent(60):
        wanted = max(wanted, limit - draw.below(2))
    outside = pair.room and "subscribe" in (pair.left, pair.right)
    batches = gather(draw, draft, Aim(aim.user) if outside else aim, max(1, wanted))
    if outside and aim.room is not None:  # the one that subscribes stays outside
        inside = draft.live(aim.user)[: 1 + draw.below(max(1, len(draft.live(aim.user)) - 1))]
        batches += enter(draft, inside, aim.room) if draw.percent(70) else ()
    return batches


def _while_stalled(draw: Draw, draft: Draft, aim: Aim) -> Batches:
    """The small message that must get through, perhaps with somebody coming or going meanwhile."""
    turn = Turn(draft)
    if (sender := _reading_sender(draft, aim)) is not None:
        room = sorted(sender.rooms)[0] if draft.shape.group == "room" and sender.rooms else None
        turn.ops.append(Send(conn=sender.name, msg=draft.new("m"), size=20, room=room))
    if draw.percent(40):
        _make(draw, turn, draw.one(("open", "close", "drop")), aim)
    return turn.finish(draw_near(draw, draft.swarm))


def _single(draft: Draft, op: Op) -> Batches:
    return Turn(draft, [op]).finish()


def _reading_sender(draft: Draft, aim: Aim) -> Tab | None:
    return next((tab for tab in draft.live(aim.user) if not tab.stalled and speaks(draft, tab, None)), None)


def _room_of(one: Tab, other: Tab) -> str | None:
    return min(one.rooms & other.rooms, default=None)
