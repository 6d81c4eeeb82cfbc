"""How a plan begins: its swarm, its users and their connections, its rooms. Enough tabs for something to happen."""

from __future__ import annotations

from typing import Final

from fuzzer.plan import Batch, Drop, Mute, Op, Open, Plan, Separator, TokenKind
from fuzzer.plan_rules import kind_of
from fuzzer.values import Value
from strategies.choice import Draw
from strategies.draft import Draft, Turn
from strategies.ops import ROOMS, Aim, good_token, new_session
from strategies.season import draw_cycles
from strategies.separators import draw_separator
from strategies.shape import Shape
from strategies.strokes import enter
from strategies.swarm import Swarm, draw_swarm
from strategies.tokens import draw_bad_token
from strategies.users import draw_names

TABS: Final = ((2, 25), (3, 30), (4, 20), (5, 12), (6, 7), (1, 4), (8, 1), (10, 1))
STROKES_PER_PLAN: Final = ((1, 42), (2, 40), (3, 14), (4, 4))
MOST_STROKES: Final = 4
SEEDS: Final = 65_536
# of plans have the budget; the stroke itself is one of many, so far fewer use it
FLOOD_PERCENT: Final = 38
CHEAP_FLOOD_PERCENT: Final = 75
CHEAP: Final = 1_000_000  # bytes: a hub with small buffers stalls for little, so it may stall more often


NEEDED: Final = {"expiry": ("brief", "wait"), "given-up": ("vanish", "mute", "wait")}


class Opening(Value):
    """The beginning of a plan, and how much may follow it."""

    batches: tuple[Batch, ...] = ()
    schedule_seed: int = 0
    names: dict[str, str] = {}
    cycles: int = 1
    swarm: Swarm = Swarm()
    strokes: int = 1
    floods: int = 0

    def begin(self, draft: Draft) -> None:
        """Let the draft begin like this."""
        draft.swarm, draft.schedule_seed, draft.names = self.swarm, self.schedule_seed, self.names
        draft.strokes, draft.floods, draft.cycles = self.strokes, self.floods, self.cycles
        for batch in self.batches:
            draft.append(batch)


def draw_opening(draw: Draw, draft: Draft) -> Opening:
    """Users, connections around the limit, rooms; one batch for all or one for each. Works on the draft it is given."""
    shape, already = draft.shape, len(draft.batches)
    swarm = draft.swarm = (draw_swarm(draw) if shape.swarm else Swarm()).with_(NEEDED.get(shape.due, ()))
    opens = ([Aim("u0")] * _tabs(draw, shape) + _others(draw, shape))[: shape.max_conns]
    _open_all(draw, draft, opens)
    if shape.rooms and draw.percent(95 if shape.group == "room" else 60):
        _enter_rooms(draw, draft)
    if shape.due == "given-up" and shape.given_up:
        _fall_silent(draw, draft)
    users = Plan(batches=tuple(draft.batches)).users()
    odd = shape.odd_names and swarm.has("names") and draw.percent(18)
    return Opening(
        batches=tuple(draft.batches[already:]),
        schedule_seed=draw.below(SEEDS),
        names=draw_names(draw, users, shape.names) if odd else {},
        cycles=draw_cycles(draw, draft),
        swarm=swarm,
        strokes=draw.weighted(STROKES_PER_PLAN),
        floods=1 if draw.percent(CHEAP_FLOOD_PERCENT if shape.stall_bytes <= CHEAP else FLOOD_PERCENT) else 0,
    )


def _tabs(draw: Draw, shape: Shape) -> int:
    """Tabs of the first user: any number without a limit, mostly one of L-1, L, L+1 with a small one."""
    usual = draw.weighted(TABS)
    limit = shape.limit
    if limit is not None and draw.percent(70 if limit <= 5 else 12):
        usual = limit - 1 + draw.below(3)
    return max(1, min(usual, shape.max_conns * 3 // 4))


def _others(draw: Draw, shape: Shape) -> list[Aim]:
    """Connections of a second user, and rarely of a stranger."""
    second = [Aim("u1")] * (1 + draw.below(3)) if shape.max_users > 1 and draw.percent(35) else []
    third = [Aim("u2")] if shape.max_users > 2 and second and draw.percent(20) else []
    return second + third


def _open_all(draw: Draw, draft: Draft, opens: list[Aim]) -> None:
    bad = len(draft.shape.tokens) > 1 and draft.swarm.has("tokens") and draw.percent(10)
    refused = draw.below(len(opens)) if bad else -1
    per_batch = draw.weighted(((len(opens), 10), (max(1, len(opens) - 1), 6), (3, 3), (1, 1)))
    for start in range(0, len(opens), per_batch):
        turn = Turn(draft)
        for number, aim in enumerate(opens[start : start + per_batch], start):
            token = draw_bad_token(draw, draft.shape.tokens) if number == refused else _token(draw, draft, number)
            turn.ops.append(Open(conn=draft.new(""), user=aim.user, session=new_session(draft), token=token))
        after: Separator = draw_separator(draw, draft.swarm) if start else "fence"
        turn.finish(after)


def _token(draw: Draw, draft: Draft, number: int) -> TokenKind:
    """What runs out is for later, as a rule, since there is hardly ever the time to wait for it; where there is, the
    first one's does."""
    if draft.shape.due != "expiry" or draft.shape.expiry is None:
        return "valid"
    return good_token(draw, draft) if number else "brief"


def _fall_silent(draw: Draw, draft: Draft) -> None:
    """One of them is never heard of again, or at least answers no ping."""
    tabs = [draw.one(draft.live()).name] if draft.live() else []
    silent: list[Op] = [op for tab in tabs for op in (Drop(tab, "vanish"), Mute(tab))]
    may = [op for op in silent if kind_of(op) in draft.shape.kinds]
    if may:
        Turn(draft, [draw.one(may)]).finish()


def _enter_rooms(draw: Draw, draft: Draft) -> None:
    """Most tabs into the first room, now and then some into the second."""
    enter(draft, [tab for tab in draft.live() if draw.percent(80)], ROOMS[0])
    if draw.percent(30):
        enter(draft, [tab for tab in draft.live() if draw.percent(40)], ROOMS[1])
