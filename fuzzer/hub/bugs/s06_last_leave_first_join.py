"""S06: last-leave / first-join race.

A newcomer takes the user's list of connections, waits, and puts itself in. When the last one leaves meanwhile, the list
is empty and deleted: the newcomer stands in a list that nobody reads, and is deaf for ever.
"""

from __future__ import annotations

import trio
from trio_websocket import WebSocketRequest

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import reply_frame
from fuzzer.plan import Close, Open


class JoinsOrphanedList(Lifecycle):
    """Looks the list up before the wait, and uses it after."""

    async def enter(self, peer: Peer, request: WebSocketRequest) -> None:
        await request.accept()
        peer.established()
        groups = self.hub.registry.users
        group = groups.setdefault(peer.user, [])
        await trio.sleep(self.hub.knobs.join_delay)
        if peer.socket.is_open:
            group.append(peer)
            self.hub.presence.enter(peer)
            self.hub.expiry.watch(peer)
            peer.tell(reply_frame("welcome", user=peer.user))
        elif not group and groups.get(peer.user) is group:
            del groups[peer.user]


BUG = SeededBug(
    code="S06",
    title="last-leave / first-join race",
    family=("HF101",),
    reports=(
        "https://github.com/litestar-org/litestar/issues/4894",
        "https://github.com/encode/broadcaster/issues/133",
        "https://github.com/django/channels/issues/1683",
        "https://github.com/spring-projects/spring-security/issues/3189",
        "https://github.com/livekit/livekit/issues/373",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
        step(Close("a"), after="1ms"),
    ),
    pieces=Pieces(lifecycle=JoinsOrphanedList),
    knobs=Knobs(join_delay=0.02),
)
