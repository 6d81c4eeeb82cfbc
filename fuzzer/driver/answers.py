"""Answers what a client has to answer by itself, wherever a frame is read: in plans, the control pair, a first look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzzer.target.protocol import Codec

if TYPE_CHECKING:
    from fuzzer.driver.connection import FuzzConn


def answer(codec: Codec, conn: FuzzConn | None, frame: str | bytes) -> None:
    """Send what the protocol says; no effect on a connection that cannot speak."""
    text = codec.answer(frame) if codec.answers else None
    if text is not None and conn is not None:
        conn.answer(text)
