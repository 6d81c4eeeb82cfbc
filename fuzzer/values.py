"""What plans, histories and verdicts share: frozen, typed, versioned values that read and write JSON."""

from __future__ import annotations

from typing import TypeVar, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True)
class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all values: immutable, equal by content, defaults left out of the JSON."""


class DamagedFile(ValueError):
    """A file is not what it should be; the text is one line: which file, where, what is wrong."""


ValueT = TypeVar("ValueT", bound=Value)


def is_utf8(text: str) -> bool:
    """Can JSON hold it? Names of files and folders may be any bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode(value: Value) -> bytes:
    """Deterministic JSON, so that equal values are equal bytes. The format is always written."""
    fields = msgspec.to_builtins(value)
    stamp = getattr(value, "format", None)
    tree = {"format": stamp, **fields} if stamp else fields
    return msgspec.json.encode(tree, order="deterministic" if stamp is None else None)


def decode(data: bytes, kind: type[ValueT], expected_format: str, source: str) -> ValueT:
    """Read a versioned value; raises ``DamagedFile`` (one line, naming ``source``) on anything unexpected."""
    _check_format(data, expected_format, source)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise DamagedFile(f"{source}: not a {expected_format} file: {_one_line(error)}") from None


def _check_format(data: bytes, expected: str, source: str) -> None:
    try:
        head = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedFile(f"{source}: not JSON: {_one_line(error)}") from None
    found = head.get("format") if isinstance(head, dict) else None
    if found != expected:
        raise DamagedFile(f"{source}: format is {found!r}, this version of hubfuzz reads {expected!r}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
