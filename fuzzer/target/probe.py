"""The server's own counts: numbers that it publishes over HTTP and that must come back when everybody has left."""

from __future__ import annotations

import msgspec

from fuzzer.target.config import Count
from fuzzer.target.errors import ProbeError
from fuzzer.target.http import NoAnswer, get
from fuzzer.target.model import Target
from fuzzer.target.paths import NOTHING, look_up, split_path
from fuzzer.target.template import fill

__all__ = ["ProbeError", "read_counts"]

MOST_COUNT = 1 << 53
"""What every reader of JSON holds exactly. A count beyond is taken for this one: that keeps which of two is larger, or
makes them equal, so that it never accuses; and a nonsense that the server counts up to is still a leak."""


async def read_counts(target: Target, port: int | None) -> dict[str, int]:
    """All counts of ``[probe]``, each URL read once; raises ``ProbeError`` (one line) if one cannot be read."""
    trees: dict[str, object] = {}
    counts: dict[str, int] = {}
    for name, count in target.probe.counts.items():
        url = count.url if port is None else fill(count.url, port=str(port))
        if url not in trees:
            trees[url] = await _fetch(name, url)
        counts[name] = _number(name, count, url, trees[url])
    return counts


async def _fetch(name: str, url: str) -> object:
    try:
        answer = await get(url)
    except NoAnswer as error:
        raise ProbeError(f"probe.{name}: GET {url}: {error}") from None
    if not 200 <= answer.status < 300:
        raise ProbeError(f"probe.{name}: GET {url}: status {answer.status}, expected 200")
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise ProbeError(f"probe.{name}: GET {url}: the answer is not JSON: {answer.body[:40]!r}") from None


def _number(name: str, count: Count, url: str, tree: object) -> int:
    found = look_up(tree, split_path(count.path))
    if found is NOTHING:
        raise ProbeError(f"probe.{name}: GET {url}: nothing lies at path {count.path!r}")
    if type(found) is not int:
        shown = msgspec.json.encode(found).decode()[:40]
        raise ProbeError(f"probe.{name}: GET {url}: found {shown} at path {count.path!r}, expected a whole number")
    return max(-MOST_COUNT, min(found, MOST_COUNT))
