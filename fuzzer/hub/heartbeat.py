"""Finds the connections whose peer is gone without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from fuzzer.hub.peer import Peer

if TYPE_CHECKING:
    from fuzzer.hub.hub import Hub


class Heartbeat:
    """One task for all: pings every ``heartbeat`` seconds, ends whoever owes a pong for ``heartbeat_timeout``."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.last_round = 0.0

    async def run(self) -> None:
        """Look after everybody, for ever; at once over if the heartbeat is switched off."""
        knobs = self.hub.knobs
        if not knobs.heartbeat:
            return
        pause = min(knobs.heartbeat, knobs.heartbeat_timeout) / 4
        self.last_round = trio.current_time()
        while True:
            await trio.sleep(pause)
            self.look(trio.current_time())

    def look(self, now: float) -> None:
        """End the silent, and ping the rest when it is time."""
        due = now - self.last_round >= self.hub.knobs.heartbeat
        if due:
            self.last_round = now
        for peer in tuple(self.hub.registry):
            if peer.pinged_at is None:
                if due:
                    peer.ping(now)
            elif now - peer.pinged_at >= self.hub.knobs.heartbeat_timeout:
                self.reap(peer)

    def reap(self, peer: Peer) -> None:
        """Nobody will answer a Close: do not wait for it."""
        peer.close(1011, "no pong")
        peer.scope.cancel()
