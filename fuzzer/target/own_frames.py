"""What hubfuzz itself has to send: the hub must take it, however little it allows in one frame."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.payload import filler
from fuzzer.target.config import ClassProtocol
from fuzzer.target.model import Target
from fuzzer.target.protocol import Codec

OF_A_CLASS = 1_024
"""Bytes of the longest frame of a codec in Python: what it makes of long names is not known."""
HEADER = 14
"""Bytes of a frame before its payload, which a hub may count as well (RFC 6455, 5.2)."""
# As the driver makes them, after so many plans as a night can have.
NONCE = "012345n9999999-"
ID = f"hf-{NONCE}-99999"
ROOM = f"{NONCE}r0r99"
LONG_USER = NONCE + "é" * 200
PLAIN_USER = NONCE + "x" * 20


def longest_own(target: Target) -> int:
    """Bytes of the longest frame that a hub has to take, so that anything can be said of it."""
    if isinstance(target.protocol, ClassProtocol):
        return OF_A_CLASS
    return HEADER + max(len(frame.encode()) for frame in _frames(target.codec(), target))


def _frames(codec: Codec, target: Target) -> Iterator[str]:
    body = filler(target.policy.own_size)
    user = PLAIN_USER if target.policy.names == "plain" else LONG_USER
    yield codec.publish(ID, body, None, user)
    if codec.has_rooms:
        yield codec.publish(ID, body, ROOM, user)
        yield codec.subscribe(ROOM, user)
    if codec.has_presence:
        yield codec.query(user)
