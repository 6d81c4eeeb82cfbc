"""Checks of URLs: what hubfuzz can speak to, and that it is this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from fuzzer.target.errors import TargetError
from fuzzer.target.model import Target
from fuzzer.target.template import fill, hint, names_in

SAMPLE_PORT = "8000"
IN_URL = ("port", "user", "session")
WS_EXAMPLE = 'for example "ws://127.0.0.1:8000/ws"'
HTTP_EXAMPLE = 'for example "http://127.0.0.1:8000/health"'


def check_placeholders(key: str, text: str, known: Collection[str]) -> None:
    """Refuse a placeholder that nothing fills in."""
    for name in sorted(names_in(text) - set(known)):
        braced = [f"{{{word}}}" for word in known]
        close = hint(name, known)
        advice = "did you mean {" + close.split("'")[1] + "}?" if "'" in close else f"known here: {', '.join(braced)}"
        raise TargetError(f"{key}: unknown placeholder {{{name}}}; {advice}")


def check_ws_url(key: str, url: str) -> None:
    """Refuse what is not ``ws://HOST:PORT/PATH``."""
    if url.startswith("wss://"):
        raise TargetError(
            f"{key}: found {url!r}; wss:// is not supported: TLS hides the bytes that faults are made of, use ws://"
        )
    if "token" in names_in(url):
        raise TargetError(f'{key}: found {{token}}; expected auth.place = "query:NAME" instead')
    check_placeholders(key, url, IN_URL)
    _check_parts(key, url, "ws", WS_EXAMPLE)
    if "{user}" in url.split("/")[2] or "{session}" in url.split("/")[2]:
        raise TargetError(f"{key}: found {url!r}; {{user}} and {{session}} may stand in the path and the query only")


def check_http_url(key: str, url: str) -> None:
    """Refuse what is not ``http://HOST:PORT/PATH``."""
    if url.startswith("https://"):
        raise TargetError(f"{key}: found {url!r}; https:// is not supported, use http://")
    check_placeholders(key, url, ("port",))
    _check_parts(key, url, "http", HTTP_EXAMPLE)


def _check_parts(key: str, url: str, scheme: str, example: str) -> None:
    try:
        parts = urlsplit(fill(url, port=SAMPLE_PORT))
        right = parts.scheme == scheme and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right or not (url.isascii() and url.isprintable()) or " " in url or "#" in url or "@" in url.split("/")[2]:
        raise TargetError(f"{key}: found {url!r}, expected {example}")


def check_hosts(target: Target, allow_hosts: Collection[str] = ()) -> None:
    """Refuse to touch other machines, unless the user named them."""
    for key, host in _hosts(target):
        if not _is_this_machine(host) and host not in {allowed.lower() for allowed in allow_hosts}:
            raise TargetError(f"{key}: {host} is not this machine; if you may fuzz it, say --allow-host {host}")


def hosts_of(target: Target) -> frozenset[str]:
    """Every machine that a run would touch."""
    return frozenset(host for _, host in _hosts(target))


def _hosts(target: Target) -> Iterator[tuple[str, str]]:
    return ((key, urlsplit(fill(url, port=SAMPLE_PORT)).hostname or "") for key, url in _urls(target))


def _urls(target: Target) -> Iterator[tuple[str, str]]:
    yield "target.url", target.url
    if target.ready is not None:
        yield "target.ready", target.ready
    for name, count in target.probe.counts.items():
        yield f"probe.{name}.url", count.url


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return False
    return number.is_loopback or number.is_unspecified
