"""S24: old end removes the new registration.

The registry forgets by session id without looking whose registration it is: when the replaced connection is finally
gone, its successor is unregistered, stays open and is deaf.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.peer import Peer
from fuzzer.hub.registry import Registry
from fuzzer.plan import Open, Send


class KeyedBySession(Registry):
    """Removes whoever is registered under the same session."""

    def remove(self, peer: Peer) -> None:
        for other in tuple(self.members(peer.user)):
            if peer.session is not None and other.session == peer.session:
                super().remove(other)
        super().remove(peer)


BUG = SeededBug(
    code="S24",
    title="old end removes the new registration",
    family=("HF101", "HF404"),
    reports=(
        "https://github.com/eclipse-mosquitto/mosquitto/issues/1489",
        "https://github.com/Chetan0e/Verath/issues/229",
        "https://github.com/streamlit/streamlit/pull/15909",
        "https://github.com/kubedoio/rustchat/pull/36",
        "https://github.com/foxglove/foxglove-sdk/pull/1194",
        "https://github.com/foxglove/foxglove-sdk/pull/1196",
        "https://github.com/phoenixframework/phoenix/pull/1615",
        "https://github.com/HarperFast/harper/issues/1604",
        "https://github.com/thomotron/Phinix/issues/52",
    ),
    least=plan(
        step(Open("a", "u0", session="s0")),
        step(Open("b", "u0", session="s0")),
        step(Send("b", "m0")),
    ),
    pieces=Pieces(registry=KeyedBySession),
)
