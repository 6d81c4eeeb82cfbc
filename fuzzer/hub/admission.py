"""The limit of connections, one user's or everybody's.

A slot is taken at admission and given back exactly once, however the connection ends.
"""

from __future__ import annotations

from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer

EVICTED = 4408
OVER_LIMIT = 4429


class Admission:
    """Slots are kept as their holders, so that giving one back twice is nothing. No step awaits."""

    def __init__(self, knobs: Knobs) -> None:
        self.limit = knobs.limit
        self.evicts = knobs.over == "evict-oldest"
        self.shared = knobs.scope == "global"
        self.holders: dict[str, list[Peer]] = {}  # by whose limit it is: one user's, or everybody's

    def admit(self, peer: Peer) -> bool:
        """Take a slot, if need be that of the user's oldest connection; False: there is none."""
        if self.evicts:
            self._make_room(peer.user)
        if not self.has_room(peer.user):
            return False
        self.take(peer)
        return True

    def whose(self, user: str) -> str:
        """Whose slots a user's connections take: its own, or, by the knob, those that all share."""
        return "" if self.shared else user

    def has_room(self, user: str) -> bool:
        """Whether one more may come."""
        return self.used(user) < self.limit

    def used(self, user: str) -> int:
        """How many slots of the user are taken."""
        return len(self.holders.get(self.whose(user), ()))

    def take(self, peer: Peer) -> None:
        """Take a slot without asking."""
        self.holders.setdefault(self.whose(peer.user), []).append(peer)

    def release(self, peer: Peer) -> None:
        """Give the slot back; nothing happens if the connection has none."""
        holders = self.holders.get(self.whose(peer.user), [])
        if peer in holders:
            holders.remove(peer)
            if not holders:
                del self.holders[self.whose(peer.user)]

    def _make_room(self, user: str) -> None:
        for oldest in self.holders.get(self.whose(user), [])[: max(0, self.used(user) - self.limit + 1)]:
            self.evict(oldest)

    def evict(self, oldest: Peer) -> None:
        """End the oldest connection in favour of a newer one."""
        oldest.close(EVICTED, "a newer connection of yours took this place")
        self.release(oldest)

    def __len__(self) -> int:
        return sum(map(len, self.holders.values()))
