"""S23: wrong victim.

A user above the limit loses the connection that was opened last instead of the one that was opened first.
"""

from __future__ import annotations

from fuzzer.hub.admission import Admission
from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.plan import Open


class EvictsNewest(Admission):
    """Looks at the wrong end of the list."""

    def _make_room(self, user: str) -> None:
        surplus = max(0, self.used(user) - self.limit + 1)
        for newest in self.holders.get(self.whose(user), [])[::-1][:surplus]:
            self.evict(newest)


BUG = SeededBug(
    code="S23",
    title="wrong victim",
    family=("HF204", "HF301"),
    reports=(
        "https://github.com/diegosouzapw/OmniRoute/pull/10782",
        "https://github.com/cube-js/cube/pull/11667",
        "https://github.com/use-novamira/novamira/issues/76",
        "https://github.com/iterate/iterate/pull/2436",
        "https://github.com/theturtle32/WebSocket-Node/issues/229",
    ),
    least=plan(
        step(Open("a", "u0")),
    ),
    pieces=Pieces(admission=EvictsNewest),
    knobs=Knobs(over="evict-oldest", limit=2),
)
