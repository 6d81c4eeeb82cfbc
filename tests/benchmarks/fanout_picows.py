"""The quickest fan-out server at hand, on picows: what one connection of a path sends goes to all others of it.

Run it with ``python -m tests.benchmarks.fanout_picows --port 8000``.
"""

from __future__ import annotations

import asyncio

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from tests.benchmarks.processes import port_of_command_line

groups: dict[bytes, set[WSTransport]] = {}


class Member(WSListener):
    """One connection."""

    def __init__(self, group: bytes) -> None:
        self._group = group

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Join."""
        groups.setdefault(self._group, set()).add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Leave."""
        members = groups[self._group]
        members.discard(transport)
        if not members:
            del groups[self._group]

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Pass text on, answer a Close."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type == WSMsgType.TEXT:
            self._pass_on(transport, frame.get_payload_as_bytes())

    def _pass_on(self, transport: WSTransport, payload: bytes) -> None:
        for other in groups[self._group]:
            if other is not transport:
                other.send(WSMsgType.TEXT, payload)


def admit(request: WSUpgradeRequest) -> Member:
    """Everybody."""
    return Member(bytes(request.path))


async def main(port: int) -> None:
    """Serve for ever."""
    server = await ws_create_server(admit, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(port_of_command_line()))
