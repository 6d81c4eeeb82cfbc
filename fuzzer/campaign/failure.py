"""A failure: one kind of defect with everything that is needed to see it, replay it and judge it again."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import msgspec

from fuzzer.history import History
from fuzzer.plan import Plan
from fuzzer.values import Value, decode, encode
from fuzzer.verdict import Finding

FAILURE_FORMAT = "hubfuzz-failure/1"


class Rate(Value):
    """How often a plan failed with one fingerprint: ``failed`` times in ``runs`` executions."""

    failed: int
    runs: int

    def __str__(self) -> str:
        return f"{self.failed}/{self.runs}"

    @property
    def share(self) -> float:
        """From 0 to 1; 0 if it never ran."""
        return self.failed / self.runs if self.runs else 0.0


class Failure(Value):
    """One fingerprint. ``finding`` is of ``history``, which is an execution of ``plan`` with the real time bounds.

    ``original`` is the plan that failed first; ``origin`` says where it came from (``plan 17``, ``scenario NAME``).
    ``shrunk``: shrinking is over (``plan`` may still be the original: ``notes`` say why). ``target`` and ``hub`` are
    raw JSON without secrets; ``others`` are further violations that the same history shows. ``company``: fingerprints
    that every failing replay showed as well; ``same_as``: of the failure for which this one was taken (``same.py``),
    ``same_why``: by which rule, in words. ``hunts``: how many plans that met it were shrunk; this is the best result.
    Times are in seconds.
    """

    fingerprint: str
    code: str
    plan: Plan
    original: Plan
    history: History
    finding: Finding
    name: str = ""
    others: tuple[Finding, ...] = ()
    rate: Rate | None = None
    origin: str = ""
    seed: int = 0
    found_at: str = ""
    shrunk: bool = False
    shrink_seconds: float = 0.0
    executions: int = 0
    notes: tuple[str, ...] = ()
    target: dict[str, Any] = {}
    hub: dict[str, Any] = {}
    tool: str = ""
    company: tuple[str, ...] = ()
    same_as: str = ""
    same_why: str = ""
    hunts: int = 1
    format: str = FAILURE_FORMAT


def failure_to_json(failure: Failure) -> bytes:
    """The failure as indented JSON."""
    return msgspec.json.format(encode(failure), indent=1)


def failure_from_json(data: bytes, source: str = "failure") -> Failure:
    """Read a failure; raises ``DamagedFile`` with one line that says what is wrong where."""
    return decode(data, Failure, FAILURE_FORMAT, source)


def tool_version() -> str:
    """``hubfuzz 0.1.0``: what wrote the file."""
    try:
        return f"hubfuzz {metadata.version('hubfuzz')}"
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return "hubfuzz"


def invariant_name(code: str) -> str:
    """``delivery`` for ``HF101``; empty for a code that this version does not know."""
    from fuzzer.invariants import INVARIANTS  # late: judging is heavy and tests inject their own

    return next((invariant.name for invariant in INVARIANTS if invariant.code == code), "")
