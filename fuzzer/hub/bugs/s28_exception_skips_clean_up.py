"""S28: handler exception skips / doubles the clean-up.

What cannot be read raises in the handler, nobody handles it, and the clean-up comes after the handler and not in a
``finally``: the connection ends and stays registered.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import read_command
from fuzzer.plan import Malformed, Open


class Raises(Peer):
    """Reads frames without handling errors; ``finished`` is set behind the handler."""

    finished = False

    async def run(self) -> None:
        await super().run()
        self.finished = True

    async def message(self, data: str) -> None:
        await self.hub.commands.execute(self, read_command(data))


class CleansUpAfterwards(Lifecycle):
    """Only what has come to its end is cleaned up."""

    async def ended(self, peer: Peer) -> None:
        assert isinstance(peer, Raises)
        if peer.finished:
            await super().ended(peer)


BUG = SeededBug(
    code="S28",
    title="handler exception skips / doubles the clean-up",
    family=("HF502", "HF401", "HF203", "HF503"),
    reports=(
        "https://github.com/Open-Pectus/Open-Pectus/issues/810",
        "https://github.com/miguelgrinberg/python-socketio/issues/93",
        "https://github.com/miguelgrinberg/python-engineio/issues/328",
        "https://github.com/rails/rails/issues/24874",
    ),
    least=plan(
        step(Open("a", "u0")),
        step(Malformed("a")),
    ),
    pieces=Pieces(peer=Raises, lifecycle=CleansUpAfterwards),
)
