"""One op at a time: how each kind of op is drawn for a batch, aimed at one user or one room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from fuzzer.plan import (
    Close,
    Drop,
    Finish,
    Malformed,
    Mute,
    Op,
    Open,
    Ping,
    Query,
    Send,
    Stall,
    Subscribe,
    TokenKind,
    Unsubscribe,
)
from strategies.choice import Draw
from strategies.draft import Draft, Tab, Turn
from strategies.faults import ABANDONS, draw_close, draw_drop
from strategies.payloads import draw_payload, draw_wire
from strategies.tokens import draw_bad_token

ROOMS: Final = ("r0", "r1")
STRANGER_PERCENT: Final = 25  # of leavings: of a room that the connection is not in, where there is such a one
_HOW: Final[tuple[tuple[Literal["reset", "fin"], int], ...]] = (("reset", 2), ("fin", 1))


class Aim(NamedTuple):
    """Whom the ops of a batch concern: a user, and for ops in rooms one room."""

    user: str
    room: str | None = None


Maker = Callable[[Draw, Turn, Aim], Op | None]


def open_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """A new connection, now and then with a bad token."""
    draft = turn.draft
    if not turn.may_open():
        return None
    bad = len(draft.shape.tokens) > 1 and draft.swarm.has("tokens") and draw.percent(5)
    token = draw_bad_token(draw, draft.shape.tokens) if bad else good_token(draw, draft)
    held = "held" in draft.shape.kinds and draft.swarm.has("held") and draw.percent(3)
    return Open(conn=draft.new(""), user=aim.user, session=new_session(draft), token=token, held=held)


def good_token(draw: Draw, draft: Draft) -> TokenKind:
    """Valid; now and then, or often where the plan waits for that, one that runs out."""
    may = draft.shape.expiry is not None and draft.swarm.has("brief")
    return "brief" if may and draw.percent(50 if draft.shape.due == "expiry" else 2) else "valid"


def held_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """A new connection that stops short of the last byte of its opening handshake."""
    if not turn.may_open():
        return None
    return Open(conn=turn.draft.new(""), user=aim.user, session=new_session(turn.draft), held=True)


def finish_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """The last byte of a held opening."""
    tabs = turn.held(aim.user)
    return Finish(conn=draw.one(tabs).name) if tabs else None


def ping_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """A ping."""
    tabs = turn.free(aim.user)
    return Ping(conn=draw.one(tabs).name) if tabs and "ping" in turn.draft.shape.kinds else None


def query_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """A question who is present."""
    tabs = turn.free(aim.user)
    return Query(conn=draw.one(tabs).name) if tabs and turn.draft.shape.presence else None


def reopen_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """A new connection with the session of an earlier one of the same user."""
    known = sorted({tab.session for tab in turn.draft.tabs.values() if tab.user == aim.user and tab.session})
    if not known or not turn.may_open():
        return None
    over = [name for name in known if not any(tab.session == name for tab in turn.draft.live(aim.user))]
    return Open(conn=turn.draft.new(""), user=aim.user, session=draw.one(over if over and draw.percent(70) else known))


def abandon_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """A connection that leaves in the middle of its opening handshake."""
    draft = turn.draft
    if "abandon" not in draft.shape.kinds or not turn.may_open():
        return None
    place, how = draw.one(ABANDONS), draw.weighted(_HOW)
    return Open(conn=draft.new(""), user=aim.user, session=new_session(draft), abandon=place, how=how)


def send_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """One message or a burst, to the own group or to a room that the sender is in."""
    draft = turn.draft
    tabs = [tab for tab in turn.free(aim.user) if speaks(draft, tab, aim.room)]
    if not tabs:
        return None
    tab = draw.one(tabs)
    size, count, fill = draw_payload(draw, draft.shape, draft.swarm)
    wire, size, count = draw_wire(draw, draft.shape, draft.swarm, size, count)
    room = aim.room or _room_to_send(draw, draft, tab)
    return Send(conn=tab.name, msg=draft.new("m"), size=size, count=count, fill=fill, room=room, wire=wire)


def close_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """A closing handshake."""
    tab = _leaver(draw, turn, aim)
    if tab is None or "close" not in turn.draft.shape.kinds:
        return None
    code, reason = draw_close(draw, turn.draft.swarm)
    return Close(conn=tab.name, code=code, reason=reason, half=turn.draft.swarm.has("half") and draw.percent(8))


def drop_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """An end without a Close frame."""
    tab = _leaver(draw, turn, aim)
    if tab is None or "drop" not in turn.draft.shape.kinds:
        return None
    return Drop(conn=tab.name, how=draw_drop(draw, turn.draft.swarm))


def malformed_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """Bytes that no client may send."""
    shape = turn.draft.shape
    tab = _leaver(draw, turn, aim)
    if tab is None or "malformed" not in shape.kinds or not shape.malformed:
        return None
    return Malformed(conn=tab.name, kind=draw.one(shape.malformed))


def mute_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """No pongs from now on."""
    tabs = [tab for tab in turn.free(aim.user) if not tab.mute]
    return Mute(conn=draw.one(tabs).name) if tabs and "mute" in turn.draft.shape.kinds else None


def stall_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """No reading from now on."""
    tabs = [tab for tab in turn.free(aim.user) if not tab.stalled and speaks(turn.draft, tab, aim.room)]
    return Stall(conn=draw.one(tabs).name) if tabs and "stall" in turn.draft.shape.kinds else None


def subscribe_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """Join a room: mostly one that the connection is not in, sometimes for the second time."""
    tabs = turn.free(aim.user)
    if not tabs or not turn.draft.shape.rooms:
        return None
    room = aim.room or draw.one(ROOMS)
    outside = [tab for tab in tabs if room not in tab.rooms]
    tab = draw.one(tabs if not outside or draw.percent(25) else outside)
    return Subscribe(conn=tab.name, room=room)


def unsubscribe_op(draw: Draw, turn: Turn, aim: Aim) -> Op | None:
    """Leave a room; now and then one that the connection is not in, or has left before: a hub must not mind."""
    if turn.draft.shape.rooms and draw.percent(STRANGER_PERCENT):
        room = aim.room or draw.one(ROOMS)
        outside = [tab for tab in turn.free() if room not in tab.rooms]
        if outside:
            return Unsubscribe(conn=draw.one(outside).name, room=room)
    tabs = [tab for tab in turn.free(aim.user) if (aim.room in tab.rooms if aim.room else tab.rooms)]
    if not tabs:
        return None
    tab = draw.one(tabs)
    return Unsubscribe(conn=tab.name, room=aim.room or draw.one(sorted(tab.rooms)))


MAKERS: Final[dict[str, Maker]] = {
    "open": open_op,
    "reopen": reopen_op,
    "held": held_op,
    "finish": finish_op,
    "ping": ping_op,
    "query": query_op,
    "abandon": abandon_op,
    "send": send_op,
    "close": close_op,
    "drop": drop_op,
    "malformed": malformed_op,
    "mute": mute_op,
    "stall": stall_op,
    "subscribe": subscribe_op,
    "unsubscribe": unsubscribe_op,
}

_PADDING: Final = (
    *(("send", 40), ("open", 12), ("close", 7), ("drop", 8), ("subscribe", 8), ("unsubscribe", 4)),
    *(("abandon", 4), ("malformed", 6), ("mute", 3), ("reopen", 4)),
    *(("ping", 2), ("query", 5), ("finish", 12)),
)


def padding_kinds(draft: Draft) -> list[tuple[str, int]]:
    """What may stand beside the ops that a batch is about, with weights."""
    absent = {"abandon", "close", "drop", "malformed", "mute", "ping"} - set(draft.shape.kinds)
    absent |= {kind for kind in ("abandon", "malformed", "mute", "ping", "query") if not draft.swarm.has(kind)}
    absent |= set() if draft.shape.presence else {"query"}
    absent |= set() if any(tab.standing == "held" for tab in draft.tabs.values()) else {"finish"}
    absent |= set() if draft.shape.rooms else {"subscribe", "unsubscribe"}
    absent |= set() if uses_sessions(draft) else {"reopen"}
    return [option for option in _PADDING if option[0] not in absent]


def uses_sessions(draft: Draft) -> bool:
    """Do the connections of this plan carry session ids?"""
    return draft.shape.sessions and draft.swarm.has("sessions")


def new_session(draft: Draft) -> str | None:
    """A session of its own, if this plan has sessions."""
    return draft.new("s") if uses_sessions(draft) else None


def speaks(draft: Draft, tab: Tab, room: str | None) -> bool:
    """Is the tab a member of some group that this send could go to?"""
    if room is not None:
        return room in tab.rooms
    return draft.shape.group != "room" or not draft.shape.rooms or bool(tab.rooms)


def _room_to_send(draw: Draw, draft: Draft, tab: Tab) -> str | None:
    rooms = sorted(tab.rooms)
    if not rooms or (draft.shape.group != "room" and draw.percent(40)):
        return None
    return draw.one(rooms)


def _leaver(draw: Draw, turn: Turn, aim: Aim) -> Tab | None:
    tabs = [tab for tab in turn.free(aim.user) if aim.room is None or aim.room in tab.rooms]
    return draw.one(tabs) if tabs else None
