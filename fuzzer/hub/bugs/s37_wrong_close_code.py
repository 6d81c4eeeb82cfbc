"""S37: wrong close code.

Who breaks the rules is closed with 1000, as if all had been well.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.plan import Malformed, Open

NORMAL = 1000


class AlwaysNormal(Lifecycle):
    """One code for every end."""

    def offended(self, peer: Peer, code: int, reason: str) -> None:
        super().offended(peer, NORMAL, reason)


BUG = SeededBug(
    code="S37",
    title="wrong close code",
    family=("HF503",),
    reports=(
        "https://github.com/pgjones/hypercorn/issues/125",
        "https://github.com/openhab/openhab-core/issues/4587",
        "https://github.com/aio-libs/aiohttp/issues/3448",
        "https://github.com/Kludex/uvicorn/pull/1738",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Malformed("a")),
    ),
    pieces=Pieces(lifecycle=AlwaysNormal),
)
