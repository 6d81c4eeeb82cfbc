"""What the invariants say about a history: findings with their witness events, and what was checked at all."""

from __future__ import annotations

import hashlib
from typing import Literal

from fuzzer.values import Value

Strength = Literal["violated", "inconclusive"]
Proof = Literal["gap", "deadline", "order", "state", "count"]


class Finding(Value):
    """One property, broken (or undecided) at one place.

    ``key`` names the kind of defect so that one bug has one fingerprint; ``witness`` are indices of the events that
    prove it; ``dial`` is the entry of the target file that would silence it; ``conns`` are whom it concerns.
    """

    code: str
    strength: Strength
    key: str
    summary: str
    expected: str
    observed: str
    witness: tuple[int, ...] = ()
    conns: tuple[str, ...] = ()
    proof: Proof = "state"
    dial: str = ""

    @property
    def fingerprint(self) -> str:
        """``HF101-3f9a2c``: the same for every meeting with the same kind of defect."""
        digest = hashlib.sha256(f"{self.code}|{self.key}".encode()).hexdigest()
        return f"{self.code}-{digest[:6]}"


class Judgement(Value):
    """One invariant on one history. ``obligations`` counts the things that it really had to check."""

    code: str
    obligations: int = 0
    findings: tuple[Finding, ...] = ()


class Verdict(Value):
    """All invariants on one history: ok < inconclusive < violated."""

    judgements: tuple[Judgement, ...] = ()

    @property
    def violations(self) -> tuple[Finding, ...]:
        """Findings that convict, worst first."""
        return self._findings("violated")

    @property
    def inconclusive(self) -> tuple[Finding, ...]:
        """Findings that could not be decided."""
        return self._findings("inconclusive")

    def _findings(self, strength: Strength) -> tuple[Finding, ...]:
        return tuple(f for j in self.judgements for f in j.findings if f.strength == strength)
