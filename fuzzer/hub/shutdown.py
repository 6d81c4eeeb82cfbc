"""The orderly end of the hub: everybody is told, and nobody is waited for without a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from fuzzer.hub.hub import Hub

GOING_AWAY = 1001


class Shutdown:
    """What happens between the signal and the end of the process."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def run(self) -> None:
        """Tell everybody, wait a bounded time for their answers."""
        self.hub.close_all(GOING_AWAY, "the hub is shutting down")
        with trio.move_on_after(self.hub.knobs.shutdown_timeout):
            await self.until_all_left()

    async def until_all_left(self) -> None:
        """Return when no connection is left."""
        while self.hub.peers:
            await trio.sleep(0.005)
