"""A7: eviction shifts the list.

The broadcast iterates the live list and awaits at each send, and a newcomer evicts the oldest in the middle of it: the
list shifts to the left, and a connection that has nothing to do with either is skipped.
"""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug, plan, step
from fuzzer.hub.bugs.s01_live_list import LiveList
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.plan import Open, Send


class LiveListUnderEviction(LiveList):
    """The loop of S01 in a hub that makes room for newcomers."""


BUG = SeededBug(
    code="A7",
    title="eviction shifts the list",
    family=("HF101", "HF102"),
    reports=("https://github.com/netra-systems/zen",),
    least=plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
        step(Send("b", "m0")),
        step(Open("c", "u0"), after="1ms"),
    ),
    pieces=Pieces(broadcaster=LiveListUnderEviction),
    knobs=Knobs(over="evict-oldest", limit=2),
)
