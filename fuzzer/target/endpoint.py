"""One connection's address and credentials, as bytes of the opening handshake need them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fuzzer.plan import TokenKind
from fuzzer.target.auth import expiry_of_brief, mint, seconds
from fuzzer.target.config import JwtAuth, TextProtocol, reveal
from fuzzer.target.errors import TargetError
from fuzzer.target.place import Place, parse_place
from fuzzer.target.template import fill, is_json_record, json_inside, percent
from fuzzer.values import Value

if TYPE_CHECKING:
    from fuzzer.target.model import Target


LONGEST_PLAN = 600.0  # seconds; no plan, with all that is waited for, takes as long


class Endpoint(Value):
    """Where to connect and what to say in the handshake; ``first_message`` is the first frame after it.

    ``expires``: when the token ends, in seconds since the epoch; None: not while a plan runs.
    """

    host: str
    port: int
    resource: str
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    first_message: str | None = None
    expires: float | None = None


def build_endpoint(target: Target, port: int | None, user: str, session: str | None, kind: TokenKind) -> Endpoint:
    """The endpoint of one connection; raises ``TargetError`` if a secret or the port is not known."""
    auth = target.auth
    place = parse_place(auth.place) if isinstance(auth, JwtAuth) else Place("message")
    now = time.time()
    token = mint(auth, user, session, kind, now) if isinstance(auth, JwtAuth) else None
    host, number = address(target.url, port)
    return Endpoint(
        host,
        number,
        _resource(target.url, place, user, session, token),
        tuple(_headers(target, place, user, session, token).items()),
        _subprotocols(target.subprotocols, place, token),
        _first_message(target, user, session, token),
        _expires(auth, kind, now) if isinstance(auth, JwtAuth) else None,
    )


def _expires(auth: JwtAuth, kind: TokenKind, now: float) -> float | None:
    """When a good token ends; None if no plan takes that long."""
    if kind == "brief":
        return expiry_of_brief(now)
    lifetime = seconds(auth.lifetime)
    return int(now) + lifetime if kind == "valid" and lifetime < LONGEST_PLAN else None


def address(url: str, port: int | None) -> tuple[str, int]:
    """Host and port of a URL, with ``{port}`` filled in; raises ``TargetError`` if it is not known."""
    if port is None and "{port}" in url:
        raise TargetError("target.url: holds {port}, which is known only while a server runs that hubfuzz started")
    parts = urlsplit(fill(url, port=str(port)) if port is not None else url)
    return parts.hostname or "", parts.port or 80


def _resource(url: str, place: Place, user: str, session: str | None, token: str | None) -> str:
    """Path and query. A parameter whose value is exactly ``{session}`` is left out where there is no session."""
    path, _, query = url.split("://", 1)[-1].partition("?")
    values = {"user": user, "session": session or ""}
    parameters = [p for p in query.split("&") if p and not (session is None and p.endswith("={session}"))]
    filled = [fill(p, percent, **values) for p in parameters]
    if place.where == "query" and token is not None:
        filled.append(f"{percent(place.name)}={percent(token)}")
    resource = "/" + fill(path.partition("/")[2], percent, **values)
    return f"{resource}?{'&'.join(filled)}" if filled else resource


def _headers(target: Target, place: Place, user: str, session: str | None, token: str | None) -> dict[str, str]:
    values = {"user": user, "session": session or ""}
    given = {n: reveal(v, f"target.headers.{n}") for n, v in target.headers.items()}
    headers = {n: fill(v, percent, **values) for n, v in given.items() if session is not None or v != "{session}"}
    if token is not None and place.where == "header":
        headers[place.name] = fill(place.value, token=token)
    if token is not None and place.where == "cookie":
        name = next((n for n in headers if n.lower() == "cookie"), "Cookie")
        headers[name] = "; ".join([*filter(None, [headers.get(name)]), f"{place.name}={token}"])
    return headers


def _subprotocols(fixed: tuple[str, ...], place: Place, token: str | None) -> tuple[str, ...]:
    if place.where != "subprotocol":
        return fixed
    listed = [entry.strip() for entry in place.value.split(",")]
    return (*fixed, *(fill(e, token=token or "") for e in listed if token is not None or "{token}" not in e))


def _first_message(target: Target, user: str, session: str | None, token: str | None) -> str | None:
    template = target.auth.message
    if template is None or (isinstance(target.auth, JwtAuth) and token is None):
        return None
    is_json = not isinstance(target.protocol, TextProtocol) and is_json_record(template)
    escape = json_inside if is_json else str  # of what may stand in other text, nothing needs it: see check_auth
    return fill(template, escape, user=user, session=session or "", token=token or "")
