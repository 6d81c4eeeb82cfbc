"""What connections asked for, to join, to leave or who is there, and what shows that it was handled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from fuzzer.history import Dlv, Event, Joined, Present, QueryInv, SendInv, SubInv, SubRej, UnsubInv, UnsubOk

_REQUESTS = (SubInv, UnsubInv, QueryInv)


def has_unanswered(events: Sequence[Event], *, in_order: bool) -> bool:
    """Has a connection asked for more than was answered?

    Where frames are handled ``in_order``, a message of it that came answers for what it had asked before that.
    """
    if not any(isinstance(event, _REQUESTS) for event in events):
        return False  # asked at every fence, and most plans ask for nothing
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    sent: dict[str, tuple[str, int]] = {}
    for event in events:
        if isinstance(event, _REQUESTS):
            asked[event.conn] += 1
        elif isinstance(event, SendInv):
            sent[event.msg] = event.conn, asked[event.conn]
        elif isinstance(event, Dlv) and in_order and event.msg in sent:
            conn, before = sent[event.msg]
            answered[conn] = max(answered[conn], before)
        elif _is_answer(event):
            answered[event.conn] += 1  # type: ignore[union-attr]
    return any(count > answered[conn] for conn, count in asked.items())


def _is_answer(event: Event) -> bool:
    into_room = isinstance(event, Joined) and event.group.startswith("room:")
    return into_room or isinstance(event, SubRej | UnsubOk | Present)


def may_stand_behind(events: Sequence[Event], awaited: Iterable[str]) -> bool:
    """Had the sender of one of these fences sent something to another group that nobody was seen to get?"""
    sent = {event.msg: event for event in events if isinstance(event, SendInv)}
    seen = {event.msg for event in events if isinstance(event, Dlv)}
    hidden = {(event.conn, event.group) for event in sent.values() if not event.fence and event.msg not in seen}
    waiting = [sent[msg] for msg in awaited if msg in sent]
    return any(one.conn == conn and one.group != group for one in waiting for conn, group in hidden)
