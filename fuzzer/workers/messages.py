"""What the parent and a worker say to each other, and how it goes through a pipe.

A message is four bytes of length (big-endian) and that many bytes of MessagePack.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from fuzzer.campaign.events import CampaignEvent
from fuzzer.campaign.options import Options, Subject
from fuzzer.campaign.store import Stored
from fuzzer.target.model import Target
from fuzzer.values import Value

LENGTH: Final = struct.Struct(">I")


class Job(Value, tag_field="say", tag="job"):
    """The first message to a worker. The target has its secrets: it never leaves the pipe."""

    target: Target
    options: Options
    subject: Subject
    stored: tuple[Stored, ...] = ()


class Share(Value, tag_field="say", tag="share"):
    """Plans to execute: those from ``begin`` to before ``end`` of one share of the seed, or one scenario."""

    number: int = 0
    begin: int = 0
    end: int = 0
    scenario: str = ""


class Answer(Value, tag_field="say", tag="answer"):
    """May the worker shrink what it asked for?"""

    fingerprint: str
    granted: bool


class Enough(Value, tag_field="say", tag="enough"):
    """Explore no further, shrink what waits, and end."""


class Stop(Value, tag_field="say", tag="stop"):
    """End at once, in order."""


class Said(Value, tag_field="say", tag="said"):
    """An event of the worker's campaign."""

    event: CampaignEvent


class Wants(Value, tag_field="say", tag="wants"):
    """A share is executed; another one is welcome."""


class Asks(Value, tag_field="say", tag="asks"):
    """May I shrink this?"""

    fingerprint: str


class Alive(Value, tag_field="say", tag="alive"):
    """Said every few seconds, so that a worker that hangs is told from one that has long work."""


class Broken(Value, tag_field="say", tag="broken"):
    """The worker cannot go on; one line."""

    why: str


Order = Job | Share | Answer | Enough | Stop
News = Said | Wants | Asks | Alive | Broken


def packed(message: Order | News) -> bytes:
    """One message as it goes through the pipe."""
    body = msgspec.msgpack.encode(message, enc_hook=str)
    return LENGTH.pack(len(body)) + body


class Unpacker:
    """Messages from chunks of bytes that end anywhere."""

    def __init__(self, kind: Any) -> None:
        """``kind``: ``Order`` or ``News``."""
        self._decoder = msgspec.msgpack.Decoder(kind, dec_hook=lambda kind, text: kind(text))
        self._bytes = bytearray()

    def feed(self, chunk: bytes | bytearray) -> Iterator[Any]:
        """The messages that are complete now. Raises ``msgspec.MsgspecError`` if it is none of ours."""
        self._bytes += chunk
        while len(self._bytes) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._bytes)[0]
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[LENGTH.size : end])
            del self._bytes[:end]
            yield self._decoder.decode(body)
