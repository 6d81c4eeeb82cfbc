"""What one step of a first look at a hub saw."""

from __future__ import annotations

from typing import Final, Literal

from fuzzer.values import Value

Outcome = Literal["ok", "change", "hint", "skipped"]
QUIET: Final = 0.5  # seconds after which no further frame is expected


class Step(Value):
    """``change``: the hub cannot be fuzzed like this; ``hint``: it can, and better after the change."""

    name: str
    outcome: Outcome
    saw: str
    change: str = ""
