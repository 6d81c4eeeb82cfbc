"""Which request to join or to leave a room an answer belongs to, where the answer does not say.

Nobody may be taken for a member of a room because of the answer for another one. So an answer without a room is given
to a request only where there is no choice: all open requests of its kind are for one room, or have got their answers,
and these are alike.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Literal, TypeAlias

Way: TypeAlias = Literal["in", "out", "refused"]


class RoomAnswers:
    """The open requests of one connection, and the answers to them that nothing could be made of yet."""

    def __init__(self) -> None:
        self._open: defaultdict[bool, list[str]] = defaultdict(list)
        self._nameless: defaultdict[bool, list[Way]] = defaultdict(list)

    def asked_to_join(self, room: str) -> None:
        """A request to join was written."""
        self._open[False].append(room)

    def asked_to_leave(self, room: str) -> None:
        """A request to leave was written."""
        self._open[True].append(room)

    @property
    def none_awaited(self) -> bool:
        """No request to join is open."""
        return not self._open[False]

    def named(self, room: str, way: Way) -> None:
        """An answer that says its room."""
        if room in self._open[way == "out"]:
            self._open[way == "out"].remove(room)

    def nameless(self, way: Way) -> list[str]:
        """An answer without one: the rooms of all the requests that are now known to have got this answer."""
        asked, got = self._open[way == "out"], self._nameless[way == "out"]
        got.append(way)
        if len(set(asked)) > 1 and len(got) < len(asked):
            return []
        settled = asked[: len(got)] if len(set(got)) == 1 else []
        del asked[: len(got)]
        got.clear()
        return settled
