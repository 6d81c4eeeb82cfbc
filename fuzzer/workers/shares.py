"""What is still to be explored, and who is at it: every plan of the seed is somebody's, and nobody else's."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from fuzzer.campaign.engine import SCENARIO
from fuzzer.workers.messages import Share
from strategies.draw import most_in_share

NO_END = 1 << 60


class Shares:
    """Scenarios, then share after share of the seed; what a worker left undone comes before anything new."""

    def __init__(self, scenarios: Sequence[str], *, plans: int | None, drawn: bool) -> None:
        """``plans`` bounds how many are executed in all; without ``drawn`` there are only the scenarios."""
        self._waiting = deque(Share(scenario=name, end=1) for name in scenarios)
        self._left = NO_END if plans is None else plans
        self._drawn = drawn
        self._next = 0
        self._fatal: set[str] = set()
        self._out = 0

    def take(self) -> Share | None:
        """The next share; None if there is nothing to hand out now."""
        if self._left <= 0 or not (self._waiting or self._drawn):
            return None
        share = self._waiting.popleft() if self._waiting else self._fresh()
        share, rest = _cut(share, self._left)
        if rest is not None:
            self._waiting.appendleft(rest)
        self._left -= size(share)
        self._out += 1
        return share

    def done(self, share: Share, executed: int) -> None:
        """All of it is executed; it may have held fewer plans than it might have."""
        self._left += size(share) - executed
        self._out -= 1

    def lost(self, share: Share, executed: int, begun: bool) -> str:
        """Its worker is gone after so many plans of it. A plan that two workers did not survive is left out, and its
        name is answered."""
        self._left += size(share) - executed
        self._out -= 1
        rest = msgspec.structs.replace(share, begin=share.begin + executed)
        name = _name_of_first(rest) if begun and size(rest) else ""
        fatal = name in self._fatal
        if name:
            self._fatal.add(name)
        rest = msgspec.structs.replace(rest, begin=rest.begin + fatal)
        if size(rest):
            self._waiting.appendleft(rest)
        return name if fatal else ""

    @property
    def exhausted(self) -> bool:
        """Nothing is left, and nobody is at anything."""
        return not self._out and (self._left <= 0 or not (self._waiting or self._drawn))

    def _fresh(self) -> Share:
        number = self._next
        self._next += 1
        return Share(number=number, end=most_in_share(number))


def size(share: Share) -> int:
    """The plans that it holds at most."""
    return max(0, share.end - share.begin)


def _name_of_first(share: Share) -> str:
    """As a worker calls its first plan."""
    return f"{SCENARIO}{share.scenario}" if share.scenario else f"plan {share.number}.{share.begin + 1}"


def _cut(share: Share, most: int) -> tuple[Share, Share | None]:
    if size(share) <= most:
        return share, None
    middle = share.begin + most
    return msgspec.structs.replace(share, end=middle), msgspec.structs.replace(share, begin=middle)
