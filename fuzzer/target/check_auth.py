"""Checks of the ``[auth]`` table."""

from __future__ import annotations

from fuzzer.target.auth import check_key, seconds
from fuzzer.target.check_protocol import check_json, check_match
from fuzzer.target.check_url import check_placeholders
from fuzzer.target.config import JsonProtocol, JwtAuth, TextProtocol
from fuzzer.target.errors import TargetError
from fuzzer.target.model import Target
from fuzzer.target.place import parse_place
from fuzzer.target.template import PLACEHOLDER, SEPARATORS, is_json_record, names_in, names_within

TIMES = ("exp", "iat", "nbf")


def check_auth(target: Target) -> None:
    """Raise what is wrong with ``target.auth``."""
    auth = target.auth
    if auth.message is not None:
        _check_message(target, auth.message)
    if isinstance(auth, JwtAuth):
        check_key(auth)
        seconds(auth.lifetime)
        _check_claims(auth)
        _check_place(target, auth)


def _check_message(target: Target, message: str) -> None:
    """A token and the id of a session need no escapes in any text; names of users do, unless they are plain."""
    known = ("user", "session", "token") if isinstance(target.auth, JwtAuth) else ("user", "session")
    check_placeholders("auth.message", message, known)
    if isinstance(target.protocol, TextProtocol) or is_json_record(message):
        return
    if PLACEHOLDER.sub("", message).lstrip().startswith(("{", "[", '"')):  # meant to be JSON
        check_json("auth.message", message.rstrip(SEPARATORS))
    if "user" in names_in(message) and target.policy.names != "plain":
        raise TargetError(
            f"auth.message: found {message!r}, which is not JSON, so that names cannot be escaped; "
            '{user} needs policy.names = "plain" there'
        )


def _check_claims(auth: JwtAuth) -> None:
    for name, value in auth.claims.items():
        key = f"auth.claims.{name}"
        if name in TIMES:
            raise TargetError(f"{key}: is added by hubfuzz; use auth.lifetime")
        _check_plain(key, value)
        for word in sorted(names_within(value)):
            check_placeholders(key, f"{{{word}}}", ("user", "session"))


def _check_plain(key: str, value: object) -> None:
    """TOML knows dates, JSON does not."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        _check_plain(key, part)
    if not isinstance(value, str | int | float | bool | dict | list):
        raise TargetError(f"{key}: found {value}, expected text, a number, true, false, a list or a table")


def _check_place(target: Target, auth: JwtAuth) -> None:
    place = parse_place(auth.place)
    by_message = place.where == "message"
    if by_message and "token" not in names_in(auth.message or ""):
        raise TargetError("""auth.message: must hold {token}, for example '{"type": "auth", "token": "{token}"}'""")
    if auth.message is not None and not by_message:
        raise TargetError(f'auth.message: needs auth.place = "message", found {auth.place!r}')
    if auth.accepted is not None:
        if not by_message or not isinstance(target.protocol, JsonProtocol):
            raise TargetError('auth.accepted: needs auth.place = "message" and a JSON protocol')
        check_match("auth.accepted", auth.accepted)
