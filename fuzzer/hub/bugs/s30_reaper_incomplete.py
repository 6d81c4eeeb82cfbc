"""S30: reaper incomplete.

Who owes a pong is given up by closing its socket, on a path that forgets to unregister it: a ghost that holds its slot.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.heartbeat import Heartbeat
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.plan import Drop, Open


class ClosesTheSocket(Heartbeat):
    """Does what seems to be enough."""

    def reap(self, peer: Peer) -> None:
        peer.scope.cancel()


class SkipsTheReaped(Lifecycle):
    """The usual clean-up belongs to the reader, which the reaper has cancelled."""

    async def ended(self, peer: Peer) -> None:
        if not peer.scope.cancelled_caught or peer.clean:
            await super().ended(peer)


BUG = SeededBug(
    code="S30",
    title="reaper incomplete",
    family=("HF403", "HF401", "HF203", "HF405"),
    reports=(
        "https://github.com/django/channels_redis/issues/212",
        "https://github.com/actix/actix-web/issues/2441",
        "https://github.com/Kludex/starlette/issues/1811",
        "https://github.com/LemmyNet/lemmy/pull/2783",
        "https://github.com/laravel/reverb/issues/375",
        "https://github.com/luminus-framework/ring-undertow-adapter/issues/18",
        "https://github.com/instantdb/instant/pull/207",
        "https://github.com/pathosDev/actor-ts/issues/651",
        "https://github.com/super-productivity/super-productivity/issues/9885",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Drop("a", "vanish")),
        step(Open("b", "u0"), wait=1.2),
    ),
    pieces=Pieces(heartbeat=ClosesTheSocket, lifecycle=SkipsTheReaped),
    knobs=Knobs(heartbeat=0.3, heartbeat_timeout=0.3),
)
