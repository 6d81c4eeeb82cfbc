"""What is said on the wire: JSON text in both directions, and the bytes of a server's text frame."""

from __future__ import annotations

import json

import msgspec

TEXT_FRAME = 0x81


class Publish(msgspec.Struct, tag_field="type", tag="publish", frozen=True):
    """A message for every connection of the sender's user, or for every subscriber of ``room``."""

    id: str
    body: msgspec.Raw
    room: str | None = None


class Subscribe(msgspec.Struct, tag_field="type", tag="subscribe", frozen=True):
    """Join a room; twice counts once."""

    room: str


class Unsubscribe(msgspec.Struct, tag_field="type", tag="unsubscribe", frozen=True):
    """Leave a room."""

    room: str


class Query(msgspec.Struct, tag_field="type", tag="query", frozen=True):
    """Ask who is present."""


Command = Publish | Subscribe | Unsubscribe | Query
_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


class BadCommand(ValueError):
    """Valid JSON that is none of the commands."""


class NotJson(ValueError):
    """Not JSON at all."""


def read_command(text: str) -> Command:
    """Read a client's frame; raises ``BadCommand`` or ``NotJson`` with the reason in one line."""
    try:
        command = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _explained(text, error) from None
    if isinstance(command, Publish) and bytes(command.body)[:1] != b'"':
        raise BadCommand("body must be a string")
    return command


def _explained(text: str, error: Exception) -> ValueError:
    # the fast decoder stops at the first wrong field, before it knows whether the rest is JSON
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return NotJson("not JSON")
    return BadCommand(str(error))


def frame(payload: bytes) -> bytes:
    """An unmasked text frame (RFC 6455, 5.2): the same bytes for every receiver."""
    size = len(payload)
    if size < 126:
        return bytes((TEXT_FRAME, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def message_frame(command: Publish) -> bytes:
    """The delivery of a message. The body goes through as the JSON text that it came as."""
    head = b'{"type":"message","id":%b,"body":' % msgspec.json.encode(command.id)
    room = b"" if command.room is None else b',"room":' + msgspec.json.encode(command.room)
    return frame(b"".join((head, bytes(command.body), room, b"}")))


def reply_frame(kind: str, **fields: str | list[str]) -> bytes:
    """Any other frame of the hub: ``welcome``, ``subscribed``, ``unsubscribed``, ``present``, ``error``."""
    return frame(msgspec.json.encode({"type": kind, **fields}))


def json_response(content: dict[str, int]) -> bytes:
    """A whole HTTP answer, after which the connection ends."""
    body = msgspec.json.encode(content) + b"\n"
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
