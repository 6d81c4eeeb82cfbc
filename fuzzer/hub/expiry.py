"""Tokens that expire while their connection is open: it is closed with 4401 then."""

from __future__ import annotations

import trio

from fuzzer.hub.peer import Peer

EXPIRED = 4401


class Expiry:
    """One task for all. It sleeps until the first token ends, and longer than all of them if nobody is there."""

    def __init__(self) -> None:
        self.watched: dict[Peer, float] = {}
        self._next = float("inf")
        self._sooner = trio.Event()

    def watch(self, peer: Peer) -> None:
        """Close the connection when its token ends."""
        self.watched[peer] = peer.expires
        if peer.expires < self._next:
            self._next = peer.expires
            self._sooner.set()

    def forget(self, peer: Peer) -> None:
        """The connection is over."""
        self.watched.pop(peer, None)

    async def run(self) -> None:
        """Look after everybody, for ever."""
        while True:
            self._sooner = trio.Event()
            with trio.move_on_at(self._next):
                await self._sooner.wait()
            self.look(trio.current_time())

    def look(self, now: float) -> None:
        """Close whose token has ended."""
        for peer, expires in tuple(self.watched.items()):
            if expires <= now:
                self.forget(peer)
                peer.close(EXPIRED, "the token has expired")
        self._next = min(self.watched.values(), default=float("inf"))
