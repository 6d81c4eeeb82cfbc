"""Presence: which users are there. A user with several connections is there until the last of them has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from fuzzer.hub.peer import Peer


class Presence:
    """Kept as the connections of each user. After an unclean end a user with a session stays for ``grace`` seconds, so
    that a short interruption is not announced as a departure."""

    def __init__(self, grace: float) -> None:
        self.grace = grace
        self.there: dict[str, set[Peer]] = {}

    def enter(self, peer: Peer) -> None:
        """The connection is a member; whom it succeeds is present through it, and no longer by grace."""
        for other in tuple(self.there.get(peer.user, ())):
            if peer.session is not None and other.session == peer.session:
                self.forget(other)
        self.there.setdefault(peer.user, set()).add(peer)

    def leave(self, peer: Peer) -> None:
        """The connection is over: forget it at once, or after the grace period."""
        if peer not in self.there.get(peer.user, ()):
            return
        if self.grace and not peer.clean and peer.session is not None:
            peer.hub.nursery.start_soon(self._later, peer)
        else:
            self.forget(peer)

    async def _later(self, peer: Peer) -> None:
        await trio.sleep(self.grace)
        self.expired(peer)

    def expired(self, peer: Peer) -> None:
        """The grace period is over. A successor has taken the connection's place already, so this touches nobody."""
        self.forget(peer)

    def forget(self, peer: Peer) -> None:
        """Count this connection no more; nothing happens if it is not counted."""
        there = self.there.get(peer.user)
        if there is not None:
            there.discard(peer)
            if not there:
                del self.there[peer.user]

    def users(self) -> list[str]:
        """Everybody who is there, in alphabetical order."""
        return sorted(self.there)
