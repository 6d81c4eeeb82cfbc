"""What a history says about the server as a whole: its phases, fences, standstills and processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fuzzer.facts_records import NEVER
from fuzzer.history import (
    Control,
    Lag,
    Phase,
    Quiet,
    Restarted,
    ServerExit,
    ServerPaused,
    ServerResumed,
    StopInv,
)

if TYPE_CHECKING:
    from fuzzer.facts_reading import Notes


def _quiet(notes: Notes, i: int, e: Quiet) -> None:
    if not e.complete:
        notes.failed_fences.append(i)


def _phase(notes: Notes, i: int, e: Phase) -> None:
    notes.phases.append((i, e.name))


def _control(notes: Notes, _: int, e: Control) -> None:
    notes.controls.append(e)


def _lag(notes: Notes, _: int, e: Lag) -> None:
    notes.lags.append(e)


def _paused(notes: Notes, i: int, _: ServerPaused) -> None:
    notes.pauses.append((i, NEVER))


def _resumed(notes: Notes, i: int, _: ServerResumed) -> None:
    notes.pauses = [(start, min(end, i)) for start, end in notes.pauses]


def _ended(notes: Notes, i: int, e: StopInv | ServerExit) -> None:
    if not notes.outages or notes.outages[-1][1] != NEVER:
        notes.outages.append((i, NEVER))
    if isinstance(e, ServerExit):
        notes.exits.append((i, e))


def _restarted(notes: Notes, i: int, _: Restarted) -> None:
    notes.outages = [(stop, min(back, i)) for stop, back in notes.outages]


SERVER_STEPS: dict[type, Callable[..., None]] = {
    Phase: _phase,
    Quiet: _quiet,
    Control: _control,
    Lag: _lag,
    ServerPaused: _paused,
    ServerResumed: _resumed,
    StopInv: _ended,
    Restarted: _restarted,
    ServerExit: _ended,
}
