"""Raw client frames (RFC 6455, 5.2), legal and illegal ones, as bytes: nothing between the plan and the wire."""

from __future__ import annotations

import os
import struct

from fuzzer.plan import MalformedKind

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MAX_CONTROL = 125  # payload bytes of a control frame (5.5)
BETWEEN = b"between"  # payload of a ping between two fragments
OVERSIZE_MARGIN = 1024  # bytes: hubs differ in what of a message they count
NO_CODE = 1005  # "no code was present" (7.4.1): on the wire it is an empty Close


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """One frame. ``rsv`` is 0..7 (RSV1 is 4). Nothing is checked: illegal frames are wanted, too."""
    head = header(opcode, len(payload), fin=fin, rsv=rsv, masked=masked)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + _mask(payload, key)


def header(opcode: int, length: int, *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """The frame's first 2, 4 or 10 bytes for a payload of ``length`` bytes."""
    first, mask_bit = fin << 7 | rsv << 4 | opcode, masked << 7
    if length <= MAX_CONTROL:
        return bytes((first, mask_bit | length))
    if length < 1 << 16:
        return struct.pack("!BBH", first, mask_bit | 126, length)
    return struct.pack("!BBQ", first, mask_bit | 127, length)


def text(payload: str) -> bytes:
    """A whole text message in one frame. Lone surrogates cannot be sent in UTF-8 and become ``?``."""
    return frame(TEXT, payload.encode("utf-8", "replace"))


def fragments(payload: str) -> bytes:
    """A text message in two fragments, a ping between them (RFC 6455, 5.4); a character may be cut in two."""
    data = payload.encode("utf-8", "replace")
    middle = len(data) // 2
    parts = (frame(TEXT, data[:middle], fin=False), frame(PING, BETWEEN), frame(CONTINUATION, data[middle:]))
    return b"".join(parts)


def close(code: int, reason: str = "") -> bytes:
    """A Close frame with exactly this code, legal or not; 1005: no code. The reason is cut to 123 bytes of UTF-8."""
    if code == NO_CODE:
        return frame(CLOSE)
    cut = reason.encode("utf-8", "replace")[: MAX_CONTROL - 2].decode("utf-8", "ignore")
    return frame(CLOSE, struct.pack("!H", code) + cut.encode())


def ping_payload(number: int, name: str) -> bytes:
    """Unlike any other of its plan: the number stands in front, so that a long name may be cut."""
    return f"{number} {name}".encode("utf-8", "replace")[:MAX_CONTROL]


def malformed_frame(kind: MalformedKind, max_size: int = 0) -> bytes:
    """The bytes of one malformed input, in one piece; ``oversize`` is clearly above ``max_size`` (bytes)."""
    if kind == "oversize":
        return frame(TEXT, b'{"x": "' + b"x" * (max_size + max_size // 4 + OVERSIZE_MARGIN) + b'"}')
    return _MALFORMED[kind]()


def _mask(payload: bytes, key: bytes) -> bytes:
    if not payload:
        return b""
    length = len(payload)
    keys = (key * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(keys, "little")).to_bytes(length, "little")


_MALFORMED = {
    "not-json": lambda: frame(TEXT, b'{"type": '),  # well-formed for RFC 6455, not for any protocol of JSON messages
    "not-a-command": lambda: frame(TEXT, b'{"hubfuzz": "no such command"}'),
    "unmasked": lambda: frame(TEXT, b"unmasked", masked=False),  # 5.1: a client MUST mask
    "rsv-bit": lambda: frame(TEXT, b"rsv-bit", rsv=4),  # 5.2: MUST be 0 unless negotiated
    "reserved-opcode": lambda: frame(0x3, b"reserved"),  # 5.2: %x3-7 are reserved
    "bad-utf8": lambda: frame(TEXT, b"bad \xff\xfe utf-8"),  # 8.1
    "orphan-continuation": lambda: frame(CONTINUATION, b"orphan"),  # 5.4
    "long-ping": lambda: frame(PING, b"p" * (MAX_CONTROL + 1)),  # 5.5: 125 bytes or less
    "huge-length": lambda: header(TEXT, 1 << 63) + os.urandom(4) + b"huge",  # 5.2: the top bit MUST be 0
}
