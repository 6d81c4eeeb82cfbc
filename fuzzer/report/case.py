"""From a failure of a campaign to what its text needs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from fuzzer.campaign.failure import Failure
from fuzzer.report.glyphs import shown
from fuzzer.report.text import Case


def case_of(failure: Failure, path: str = "", also: Iterable[object] = ()) -> Case:
    """``path``: where the failure is stored, which is what the command that repeats it names. ``also``: what was taken
    for it, in words."""
    return Case(
        finding=failure.finding,
        plan=failure.plan,
        history=failure.history,
        name=failure.name,
        found_size=failure.original.size(),
        failed=failure.rate.failed if failure.rate else 0,
        runs=failure.rate.runs if failure.rate else 0,
        note="; ".join((*failure.notes, *_others(failure), *_taken(failure), *map(str, also))),
        command=command_for(path),
    )


def command_for(path: str) -> str:
    """The one command that repeats a stored failure; empty if it is stored nowhere."""
    return f"hubfuzz replay {shlex.quote(path)}" if path else ""


def with_seed(command: str, seed: int) -> str:
    """The command of a run such that it draws the same plans again."""
    return shown(command if "--seed" in command else f"{command} --seed {seed}", 2_000)


def _taken(failure: Failure) -> tuple[str, ...]:
    why = f": {failure.same_why}" if failure.same_why else ""
    return (f"taken for {failure.same_as}{why}",) if failure.same_as else ()


def _others(failure: Failure) -> tuple[str, ...]:
    codes = sorted({finding.fingerprint for finding in failure.others})
    return (f"the same run also shows {', '.join(codes)}",) if codes else ()
