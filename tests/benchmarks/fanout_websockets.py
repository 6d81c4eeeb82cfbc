"""The fan-out server for machines without picows, on the websockets library.

Run it with ``python -m tests.benchmarks.fanout_websockets --port 8000``.
"""

from __future__ import annotations

import asyncio
import contextlib

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from tests.benchmarks.processes import port_of_command_line

groups: dict[str, set[ServerConnection]] = {}


async def handle(member: ServerConnection) -> None:
    """One connection: what it sends goes to all others of its path."""
    path = member.request.path if member.request else ""
    group = groups.setdefault(path, set())
    group.add(member)
    try:
        with contextlib.suppress(ConnectionClosed):
            async for text in member:
                broadcast(group - {member}, text)
    finally:
        group.discard(member)
        if not group:
            groups.pop(path, None)


async def main(port: int) -> None:
    """Serve for ever."""
    async with serve(handle, "127.0.0.1", port, compression=None, ping_interval=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(port_of_command_line()))
