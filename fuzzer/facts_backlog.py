"""From when on a hub that declares a backlog may take a reader for a slow one, though it reads.

What a hub holds for a reader at one instant was sent before it and read after it. So the messages that are on their
way in this sense bound the hub's backlog from above, whatever the hub and the network do in between.
"""

from __future__ import annotations

from collections.abc import Iterable

from fuzzer.facts_records import NEVER, Conn, Message

ENVELOPE = 1_024
"""Bytes of a frame around its body that no hub's protocol exceeds, as the strategies assume."""
WIDEST = 6
"""Bytes that one character of a body becomes at most, escaped."""


def overfull_since(conn: Conn, messages: Iterable[Message], most: int) -> int:
    """The first sending at which more than ``most`` bytes may have been on their way to ``conn``; else ``NEVER``."""
    steps = sorted(step for message in messages if message.group in conn.episodes for step in _steps(conn, message))
    waiting = 0
    for index, size in steps:
        waiting += size
        if waiting > most:
            return index
    return NEVER


def _steps(conn: Conn, message: Message) -> tuple[tuple[int, int], tuple[int, int]]:
    size = message.size * WIDEST + ENVELOPE
    return (message.inv, size), (message.got.get(conn.name, NEVER), -size)
