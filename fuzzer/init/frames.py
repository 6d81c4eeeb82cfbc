"""What stands in frames that the target file does not describe yet, in the words of a target file."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import msgspec


def deliver_of(frames: Iterable[str | bytes], name: str, body_sent: str) -> str:
    """Where in the frames that came the message of this name is, as ``protocol.deliver``."""
    for tree in (tree for frame in frames for tree in _messages(frame)):
        at = next((path for path, value in _leaves(tree) if value == name), None)
        body = next((path for path, value in _leaves(tree) if value == body_sent), None)
        if at:
            kind = f'match = {{type = "{name}"}}, ' if (name := _type_in(tree)) else ""
            return f'protocol.deliver = {{{kind}id = "{at}"' + (f', body = "{body}"}}' if body else "}")
    return "protocol.publish and protocol.deliver: are they as the hub has them?"


def _leaves(tree: object, path: str = "") -> Iterator[tuple[str, object]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        yield from itertools.chain([(here, value)], _leaves(value, here))


def _messages(frame: str | bytes) -> list[object]:
    """The JSON of a frame; of a list, which may hold several messages, that of each element."""
    try:
        tree = msgspec.json.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    return tree if isinstance(tree, list) else [tree]


def type_of(frame: str | bytes) -> str:
    """The ``type`` of the frame, or of the first of several messages in it; empty if none has one."""
    return next((kind for tree in _messages(frame) if (kind := _type_in(tree))), "")


def _type_in(tree: object) -> str:
    kind = tree.get("type") if isinstance(tree, dict) else None
    return kind if isinstance(kind, str) and kind.isprintable() and '"' not in kind else ""
