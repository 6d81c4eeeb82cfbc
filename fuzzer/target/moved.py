"""The same target on a server that somebody else has started."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import msgspec

if TYPE_CHECKING:
    from fuzzer.target.model import Target


def moved_to(target: Target, url: str) -> Target:
    """The target at ``url``, which keeps the target's path and query where it has none. Nothing is checked."""
    there = urlsplit(url)
    if not there.query:
        path, question, query = ("/" + target.url.partition("://")[2].partition("/")[2]).partition("?")
        own_path = there.path not in ("", "/")
        url = f"{there.scheme}://{there.netloc}{there.path if own_path else path}{question}{query}"
    counts = {
        name: msgspec.structs.replace(count, url=_beside(count.url, there.hostname or "", there.port or 80))
        for name, count in target.probe.counts.items()
    }
    return msgspec.structs.replace(
        target,
        url=url,
        start=None,
        workers=1,
        ready=None,
        env={},
        probe=msgspec.structs.replace(target.probe, counts=counts, process=False),
    )


def _beside(url: str, host: str, port: int) -> str:
    """A probe of the started server, asked of the one that runs at ``host`` and ``port``."""
    if "{port}" not in url:
        return url
    shown = f"[{host}]" if ":" in host else host
    parts = urlsplit(url.replace("{port}", str(port)))
    return urlunsplit(parts._replace(netloc=f"{shown}:{port}"))
