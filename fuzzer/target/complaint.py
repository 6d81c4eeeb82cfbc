"""Turns a type error of msgspec into one line that a person can act on: key, what was found, what would be right."""

from __future__ import annotations

import re
import types
import typing
from typing import Any

import msgspec

from fuzzer.target.errors import TargetError
from fuzzer.target.template import hint

PATH_STEP = re.compile(r"\.([^.`\[]+)|\[([^\]]+)\]")
WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
EXAMPLES = {
    "target": 'a table [target] with url = "ws://127.0.0.1:8000/ws"',
    "target.url": 'for example "ws://127.0.0.1:8000/ws"',
    "target.start": 'a list of words, for example ["uvicorn", "app:app", "--port", "{port}"]',
    "auth.kind": '"jwt" or "none"',
    "auth.secret": '{env = "JWT_SECRET"} or text',
    "protocol": "a table [protocol] with publish and deliver",
    "protocol.publish": """for example '{"type": "message", "id": "{id}", "body": "{body}"}'""",
    "protocol.deliver": 'for example {match = {type = "message"}, id = "id", body = "body"}',
    "policy.limit.max": "the number of connections that one user may have",
}


def complaint(error: msgspec.ValidationError, raw: object, root: Any) -> TargetError:
    """The error for ``raw``, which is no ``root``."""
    text, _, where = str(error).partition(" - at `$")
    keys, value, kind = _descend([name or index for name, index in PATH_STEP.findall(where)], raw, root)
    field = re.search(r"(unknown|required) field `([^`]*)`", text)
    if field is not None:
        return _about_key(field[1], _dotted([*keys, field[2]]), field[2], kind)
    return TargetError(f"{_dotted(keys)}: found {shown(value)}{_what_is_right(text, _dotted(keys), value, kind)}")


def _about_key(problem: str, key: str, name: str, kind: Any) -> TargetError:
    if problem == "required":
        return TargetError(f"{key}: missing; expected {EXAMPLES.get(key, 'a value')}")
    known = [f.encode_name for f in msgspec.structs.fields(kind) if f.name not in ("counts", "format")]
    return TargetError(f"{key}: unknown key; {hint(name, known)}")


def _what_is_right(text: str, key: str, value: object, kind: Any) -> str:
    choices = _choices(kind)
    if choices and isinstance(value, str):
        return f"; {hint(value, choices, 'one of')}"
    if key in EXAMPLES:
        return f", expected {EXAMPLES[key]}"
    expected = re.search(r"Expected `([^`]*)`(.*)", text)
    if expected is None:
        return f": {text}"
    words = [WORDS.get(word, word) for word in expected[1].split(" | ") if word != "null"]
    more = expected[2].partition(", got")[0].strip()
    return f", expected {' or '.join(words)}{' ' + more if more else ''}"


def _descend(steps: list[str], value: Any, kind: Any) -> tuple[list[str], Any, Any]:
    """Follow msgspec's path: to the keys as they are in the file, the value, and the type that it should have."""
    keys: list[str] = []
    for step in steps:
        key, value, kind = _one_step(step, value, _struct_of(kind, value))
        keys.append(key)
    return keys, value, _struct_of(kind, value)


def _one_step(step: str, value: Any, kind: Any) -> tuple[str, Any, Any]:
    if step == "...":
        entry = typing.get_args(kind)[1]
        key = _first_bad(value, entry)
        return key, value[key], entry
    if isinstance(value, list):
        return step, value[int(step)], typing.get_args(kind)[0]
    if not _is_struct(kind):
        return step, value.get(step), kind  # the tag of a union: what is wrong is the choice between its members
    return step, value.get(step), {field.encode_name: field.type for field in msgspec.structs.fields(kind)}[step]


def _first_bad(entries: dict[str, Any], kind: Any) -> str:
    """msgspec does not name the entry of a table that is wrong: look for it."""
    for key, value in entries.items():
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            return key
    raise AssertionError("a table without a wrong entry was called wrong")


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _struct_of(kind: Any, value: Any) -> Any:
    """Of a union, the struct that ``value`` claims to be; else the type without ``None``."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    members = [member for member in typing.get_args(kind) if member is not type(None)]
    structs = [member for member in members if _is_struct(member)]
    if len(members) > 1 and len(structs) > 1 and isinstance(value, dict):
        return next((s for s in structs if s.__struct_config__.tag == value.get("kind")), kind)
    return structs[0] if structs and isinstance(value, dict) else members[0] if len(members) == 1 else kind


def _choices(kind: Any) -> list[str]:
    if typing.get_origin(kind) is typing.Literal:
        return [str(choice) for choice in typing.get_args(kind)]
    return [m.__struct_config__.tag for m in typing.get_args(kind) if _is_struct(m) and m.__struct_config__.tag]


def _dotted(keys: list[str]) -> str:
    """The path as the file has it: counts are keys of ``probe`` there."""
    named = [key for at, key in enumerate(keys) if not (key == "counts" and keys[at - 1] == "probe")]
    return ".".join(named) or "the file"


def shown(value: object) -> str:
    """A value of the file, short and on one line."""
    text = msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= 60 else text[:57] + "..."
