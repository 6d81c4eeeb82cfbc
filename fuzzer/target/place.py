"""Where a token goes in the opening handshake: ``auth.place`` as a value."""

from __future__ import annotations

import re
from typing import Literal

from fuzzer.target.errors import TargetError
from fuzzer.target.template import hint, names_in
from fuzzer.values import Value

Where = Literal["query", "header", "cookie", "subprotocol", "message"]
FORMS = "query:NAME, header:NAME=VALUE with {token}, cookie:NAME, subprotocol:a,{token}, message"
HTTP_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Place(Value):
    """``name`` is the parameter, header or cookie; ``value`` the header's value or the list of subprotocols."""

    where: Where
    name: str = ""
    value: str = "{token}"


def parse_place(text: str) -> Place:
    """Read ``auth.place``; raises ``TargetError`` with the forms there are."""
    where, _, rest = text.partition(":")
    if where not in ("query", "header", "cookie", "subprotocol", "message"):
        known = ("query", "header", "cookie", "subprotocol", "message")
        raise TargetError(f"auth.place: found {text!r}; {hint(where, known, 'known')}; the forms are {FORMS}")
    if where == "message":
        return _named("message", text, "", "{token}", right=not rest)
    if where == "subprotocol":
        return _named("subprotocol", text, "", rest, right="token" in names_in(rest))
    if where == "header":
        name, _, value = rest.partition("=")
        return _named("header", text, name, value, right=_is_name(name) and "token" in names_in(value))
    if where == "cookie":
        return _named("cookie", text, rest, "{token}", right=_is_name(rest))
    return _named("query", text, rest, "{token}", right=bool(rest) and not names_in(rest))


def _is_name(text: str) -> bool:
    return HTTP_TOKEN.fullmatch(text) is not None


def _named(where: Where, text: str, name: str, value: str, *, right: bool) -> Place:
    unknown = sorted(names_in(value) - {"token"})
    if not right or unknown:
        raise TargetError(f"auth.place: found {text!r}; the forms are {FORMS}")
    return Place(where, name, value)
