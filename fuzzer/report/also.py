"""The failures that were taken for another one, as that one's text, page or entry shows them: nothing is hidden."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from fuzzer.campaign.failure import Failure, Rate
from fuzzer.report.case import command_for


class Also(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of them, with why it was taken for the other, and its own file; ``path`` empty: stored nowhere."""

    fingerprint: str
    name: str
    why: str
    rate: Rate | None
    ops: int
    path: str
    reproduce: str

    def __str__(self) -> str:
        what = f"{self.fingerprint} {self.name}".strip()
        return f"also seen as {what} ({self.rate or 'not measured'}): {self.why}"


def also_of(failure: Failure, others: Iterable[Failure], paths: Mapping[str, str]) -> tuple[Also, ...]:
    """Those of ``others`` that were taken for ``failure``."""
    return tuple(
        _also(other, paths.get(other.fingerprint, "")) for other in others if other.same_as == failure.fingerprint
    )


def _also(failure: Failure, path: str) -> Also:
    return Also(
        failure.fingerprint,
        failure.name,
        failure.same_why,
        failure.rate,
        failure.plan.size(),
        path,
        command_for(path),
    )
