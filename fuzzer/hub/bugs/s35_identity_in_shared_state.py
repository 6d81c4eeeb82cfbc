"""S35: identity parked in shared state.

The user of the last handshake is kept where all handshakes find it, across the wait for the database: two that overlap
are taken for the same user.
"""

from __future__ import annotations

from fuzzer.hub.authenticator import Authenticator
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.plan import Open


class SharedIdentity(Authenticator):
    """Remembers one user for all."""

    user = ""

    def identify(self, peer: Peer, resource: str) -> None:
        super().identify(peer, resource)
        self.user = peer.user

    async def confirm(self, peer: Peer) -> None:
        await super().confirm(peer)
        peer.user = self.user


BUG = SeededBug(
    code="S35",
    title="identity parked in shared state",
    family=("HF602", "HF105", "HF101", "HF301"),
    reports=(
        "https://github.com/streamlit/streamlit/pull/15909",
        "https://github.com/cometd/cometd/issues/594",
        "https://github.com/cdapio/cdap-ui/pull/1426",
        "https://github.com/wisdom-framework/wisdom/pull/559",
    ),
    least=plan(
        step(Open("a", "u0"), Open("b", "u1")),
    ),
    pieces=Pieces(authenticator=SharedIdentity),
    knobs=Knobs(auth_delay=0.005),
)
