"""What the campaign needs from the outside: something that executes plans, and something that judges histories."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from fuzzer.history import History
from fuzzer.plan import Plan
from fuzzer.verdict import Verdict


class ServerUnavailable(Exception):
    """The server is gone and cannot be brought back; the text is one line."""


class Runner(Protocol):
    """One served target. The driver's ``Session`` is one; tests have their own."""

    target_name: str

    async def execute(self, plan: Plan, hurry: float = 1.0) -> History:
        """Run a plan. ``hurry`` below 1 scales the policy's time bounds; the history holds the scaled policy."""
        ...

    async def restore(self) -> bool:
        """A fresh server, after damage; False if it is not ours to restart."""
        ...


class Judge(Protocol):
    """``fuzzer.invariants.judge``, or what a test puts in its place."""

    def __call__(self, history: History, *, only: Collection[str] = (), skip: Collection[str] = ()) -> Verdict: ...


def default_judge() -> Judge:
    """The invariants of hubfuzz, imported late."""
    from fuzzer.invariants import judge

    return judge
