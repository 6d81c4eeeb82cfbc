"""Where wsproto is stricter than RFC 6455 and RFC 9110: a correct server must not be accused because of it.

This module, ``reader`` and ``fast_frames`` alone know private names of trio-websocket and wsproto.
"""

from __future__ import annotations

import struct

from wsproto import WSConnection
from wsproto.connection import ConnectionState
from wsproto.frame_protocol import LOCAL_ONLY_CLOSE_REASONS, Frame, FrameProtocol


def go_on_after_interim_response(upgrade: WSConnection) -> None:
    """Wait for the final response after a 1xx (RFC 9110, 15.2), which wsproto takes for a rejection."""
    upgrade.handshake._state = ConnectionState.CONNECTING


def accept_unassigned_close_codes(upgrade: WSConnection) -> None:
    """Make wsproto read a Close frame whose code it does not know (1014, 2000...): RFC 6455 does not forbid them."""
    assert upgrade.connection is not None
    protocol: FrameProtocol = upgrade.connection._proto
    strict = protocol._process_close

    def lenient(frame: Frame) -> Frame:
        payload = frame.payload
        assert isinstance(payload, bytes | bytearray)
        code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 0
        if code < 1000 or code in LOCAL_ONLY_CLOSE_REASONS:
            return strict(frame)
        known = strict(frame._replace(payload=b"\x03\xe8" + payload[2:]))
        assert isinstance(known.payload, tuple)
        return known._replace(payload=(code, known.payload[1]))

    protocol._process_close = lenient  # type: ignore[method-assign]
