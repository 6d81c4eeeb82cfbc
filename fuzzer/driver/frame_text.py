"""What is written down of a frame that was read: its text, and its weight where that is unusual."""

from __future__ import annotations

from typing import Final

from fuzzer.payload import ENVELOPE, ESCAPED

LONGEST_FRAME_KEPT: Final = 200


def whole_text(data: str | bytes) -> str:
    """All of it as text; what is no UTF-8 is replaced."""
    return data if isinstance(data, str) else data.decode("utf-8", "replace")


def kept_text(data: str | bytes) -> str:
    """The beginning of it; of bytes in hexadecimal."""
    return (data if isinstance(data, str) else data.hex())[:LONGEST_FRAME_KEPT]


def overweight(data: str | bytes, body: int = 0) -> int:
    """The bytes of a frame, if they are more than those around a body of so many characters; else 0."""
    usual = ENVELOPE + ESCAPED * body
    if len(data) * 4 <= usual:  # a character has four bytes at most
        return 0
    size = len(data.encode("utf-8", "surrogatepass")) if isinstance(data, str) else len(data)
    return size if size > usual else 0
