"""Text with ``{placeholders}``. Braces that hold anything but a name are ordinary text, so JSON needs no escapes."""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Callable, Collection, Iterable
from urllib.parse import quote

import msgspec

SAMPLE = 'quote " backslash \\ newline \n brace {id} é 😀'
SEPARATORS = "".join(map(chr, range(0x20)))
"""Control characters, with which some protocols end a record: U+001E in SignalR, NUL in STOMP."""
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def names_in(text: str) -> frozenset[str]:
    """The placeholders of ``text``."""
    return frozenset(PLACEHOLDER.findall(text))


def names_within(tree: object) -> frozenset[str]:
    """The placeholders in all strings of a tree of dicts and lists."""
    if isinstance(tree, str):
        return names_in(tree)
    if isinstance(tree, dict):
        return _union(names_within(value) for value in tree.values())
    if isinstance(tree, list | tuple):
        return _union(names_within(value) for value in tree)
    return frozenset()


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)


class Template:
    """``text`` split once; ``fill`` escapes every value and puts it in. A name without a value stays as it is."""

    def __init__(self, text: str, escape: Callable[[str], str] = str) -> None:
        self.names = names_in(text)
        self._escape = escape
        self._parts = PLACEHOLDER.split(text)

    def fill(self, **values: str) -> str:
        """The text with its placeholders replaced."""
        parts = self._parts.copy()
        for index in range(1, len(parts), 2):
            name = parts[index]
            parts[index] = self._escape(values[name]) if name in values else "{" + name + "}"
        return "".join(parts)


def fill(text: str, escape: Callable[[str], str] = str, **values: str) -> str:
    """Fill a template that is used once."""
    return Template(text, escape).fill(**values)


def fill_within(tree: object, **values: str) -> object:
    """A copy of a tree of dicts and lists with its strings filled in; all other values keep their type."""
    if isinstance(tree, str):
        return fill(tree, str, **values)
    if isinstance(tree, dict):
        return {key: fill_within(value, **values) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [fill_within(value, **values) for value in tree]
    return tree


def json_inside(value: str) -> str:
    """``value`` as the inside of a JSON string, without its quotes."""
    return msgspec.json.encode(value)[1:-1].decode()


def json_outside(value: str) -> str:
    """The text that stands in a JSON string as this; what cannot stand there is returned as it is."""
    try:
        return str(json.loads(f'"{value}"', strict=False))
    except ValueError:
        return value


def gives_json(text: str) -> bool:
    """Is it JSON once it is filled in, whatever the values?"""
    try:
        msgspec.json.decode(fill(text, json_inside, **dict.fromkeys(names_in(text), SAMPLE)))
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


@functools.cache
def is_json_record(text: str) -> bool:
    """As ``gives_json``, with what may stand behind a record."""
    return gives_json(text.rstrip(SEPARATORS))


def percent(value: str) -> str:
    """``value`` as one segment of a path, one value of a query or of a header."""
    return quote(value, safe="")


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known word that was probably meant."""
    folded = {name.casefold().replace("-", "_"): name for name in known}
    found = difflib.get_close_matches(word.casefold().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def hint(word: str, known: Collection[str], what: str = "known here") -> str:
    """``did you mean 'x'?``, or the list of all that is known."""
    close = nearest(word, known)
    return f"did you mean {close!r}?" if close else f"{what}: {', '.join(known)}"
