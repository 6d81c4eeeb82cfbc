"""What connections asked for, to join, to leave or who is there, and the answers to it."""

from __future__ import annotations

from collections.abc import Iterable

from fuzzer.history import Event, Joined, Present, QueryInv, SubInv, SubRej, UnsubInv, UnsubOk


def has_unanswered(events: Iterable[Event]) -> bool:
    """Were there more requests than answers?"""
    return sum(isinstance(e, SubInv | UnsubInv | QueryInv) - _answers(e) for e in events) > 0


def _answers(event: Event) -> bool:
    into_room = isinstance(event, Joined) and event.group.startswith("room:")
    return into_room or isinstance(event, SubRej | UnsubOk | Present)
