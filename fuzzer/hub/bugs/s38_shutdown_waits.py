"""S38: shutdown waits for a peer.

The hub ends when everybody has answered its Close, however long that takes: one peer that does not holds it up.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.shutdown import GOING_AWAY, Shutdown
from fuzzer.plan import Open, Stall


class WaitsForEverybody(Shutdown):
    """No limit on the answers."""

    async def run(self) -> None:
        self.hub.close_all(GOING_AWAY, "the hub is shutting down")
        await self.until_all_left()


BUG = SeededBug(
    code="S38",
    title="shutdown waits for a peer",
    family=("HF505",),
    reports=(
        "https://github.com/mattermost/mattermost/pull/7577",
        "https://github.com/aio-libs/aiohttp/issues/1002",
        "https://github.com/Lawouach/WebSocket-for-Python/pull/233",
        "https://github.com/Kludex/uvicorn/issues/596",
        "https://github.com/NousResearch/hermes-agent/pull/88539",
        "https://github.com/hrygo/hotplex/issues/33",
        "https://github.com/mattermost/mattermost/pull/7631",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Stall("a"), restart=True),
    ),
    pieces=Pieces(shutdown=WaitsForEverybody),
    knobs=Knobs(close_timeout=60.0, shutdown_timeout=0.2),
)
