"""S08: commands of one connection run concurrently.

Each frame is handled by a task of its own. Leaving a room takes longer than joining it, so that a join sent after a
leave is overtaken by the leave: the client was told last that it is in the room, and is not.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.commands import Commands
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer
from fuzzer.hub.protocol import Command, Subscribe, Unsubscribe
from fuzzer.plan import Open, Send
from fuzzer.plan import Subscribe as Join
from fuzzer.plan import Unsubscribe as Leave


class TaskPerCommand(Commands):
    """Starts what it should await."""

    async def execute(self, peer: Peer, command: Command) -> None:
        if isinstance(command, Subscribe | Unsubscribe):
            self.hub.nursery.start_soon(super().execute, peer, command)
        else:
            await super().execute(peer, command)


BUG = SeededBug(
    code="S08",
    title="commands of one connection run concurrently",
    family=("HF101", "HF106", "HF401"),
    reports=("https://github.com/rails/rails/issues/38668",),
    least=plan(
        step(Open("a", "u0")),
        step(Join("a", "r0")),
        step(Leave("a", "r0")),
        step(Join("a", "r0"), after="instant"),
        step(Send("a", "m0", room="r0"), wait=0.02),
    ),
    pieces=Pieces(commands=TaskPerCommand),
    knobs=Knobs(unsubscribe_delay=0.002),
)
