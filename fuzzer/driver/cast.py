"""Fresh real people for the symbols of one plan: users, rooms, sessions and message ids that nobody else has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from fuzzer.names import folded
from fuzzer.payload import MARK, filler
from fuzzer.plan import Fill, Plan
from fuzzer.values import Value

FIRST_ROOM = "r0"


class Sent(Value):
    """What was really published under one id."""

    msg: str
    size: int
    fill: Fill


class Cast:
    """Maps symbols to real names that carry ``nonce``, and ids that come back to the messages that were sent.

    ``exact``: to the hub two names are two users; else it may fold them (``policy.names``).
    """

    def __init__(self, plan: Plan, nonce: str, *, exact: bool = True) -> None:
        self._names = plan.names
        self._nonce = nonce
        self._sent: dict[str, Sent] = {}
        self._ids: dict[str, str] = {}
        self._symbols: dict[str, str] = {}
        self._rooms: set[str] = set()
        self._key: Callable[[str], str] = str if exact else folded
        self.own_mark = f"{MARK}{nonce}"
        self._marked = re.compile(rf"{re.escape(self.own_mark)}-\d+")

    def user(self, symbol: str) -> str:
        """The nonce stands in front, so that adversarial endings, prefixes and letter cases survive.

        If the hub may take the name for that of another user of the plan, the symbol is put behind it.
        """
        real = f"{self._nonce}{self._names.get(symbol, symbol)}"
        if self._symbols.setdefault(self._key(real), symbol) != symbol:
            real = f"{real}-{symbol}"
            self._symbols[self._key(real)] = symbol
        return real

    def user_symbol(self, real: str) -> str | None:
        """Back from the real name to the symbol of a user that was asked for; None for anybody else."""
        return self._symbols.get(self._key(real))

    def spoken_of(self, name: str) -> str:
        """As ``user_symbol``, but a name that is nobody's stays; in quotes if it could be taken for a symbol."""
        symbol = self.user_symbol(name)
        if symbol is not None:
            return symbol
        return repr(name) if name in self._symbols.values() else name

    def room(self, symbol: str) -> str:
        """The real name of a room: that of ``r0`` begins all others, so that matching by prefix shows (HF105).

        No sane hub takes two such names for one, however it folds or sanitises them."""
        self._rooms.add(symbol)
        return f"{self._nonce}{FIRST_ROOM}{'' if symbol == FIRST_ROOM else symbol}"

    def other_room(self, label: str | None, symbol: str | None) -> str | None:
        """The symbol of a room of this plan, if ``label`` names one, and not that of ``symbol``."""
        if label is None or symbol is None or not label.startswith(f"{self._nonce}{FIRST_ROOM}"):
            return None
        named = self.room_symbol(label)
        return named if named in self._rooms and named != symbol else None

    def session(self, symbol: str | None) -> str | None:
        """The real session id."""
        return None if symbol is None else f"{self._nonce}{symbol}"

    def room_symbol(self, real: str) -> str:
        """Back from the real room to its symbol; unknown rooms stay as they are."""
        if not real.startswith(f"{self._nonce}{FIRST_ROOM}"):
            return real.removeprefix(self._nonce)
        return real.removeprefix(f"{self._nonce}{FIRST_ROOM}") or FIRST_ROOM

    def publish(self, msg: str, size: int, fill: Fill) -> tuple[str, str]:
        """The id and the body under which message ``msg`` is published: a number, since hubs may check ids."""
        real = self._ids.setdefault(msg, f"{self.own_mark}-{len(self._ids)}")
        self._sent[real] = Sent(msg, size, fill)
        return real, filler(size, fill)

    def recall(self, real: str) -> Sent | None:
        """What was published under this id in this plan."""
        return self._sent.get(real)

    def held_in(self, text: str, besides: Iterable[str] = ()) -> tuple[str, ...]:
        """The messages whose ids are somewhere in this text, without those that are known to be."""
        found = dict.fromkeys(self._marked.findall(text))
        return tuple(self._sent[real].msg for real in found if real in self._sent and real not in besides)

    def holds_foreign_marks(self, text: str) -> bool:
        """Are there ids of ours in this text that are not of this plan?"""
        return text.count(MARK) > len(self._marked.findall(text))
