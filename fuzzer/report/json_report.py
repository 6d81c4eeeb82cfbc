"""The report of a whole run as one JSON object, for jobs that read it afterwards."""

from __future__ import annotations

import msgspec

from fuzzer.campaign.failure import Failure, Rate, tool_version
from fuzzer.campaign.options import Result, StopReason
from fuzzer.exit_codes import ExitCode
from fuzzer.report.also import Also, also_of
from fuzzer.report.case import command_for
from fuzzer.values import Value

REPORT_FORMAT = "hubfuzz-report/1"


class FixedEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stored failure that surely no longer fails: ``runs`` executions of its plan without it. ``removed``: its file
    is, as ``--prune`` asks for."""

    fingerprint: str
    name: str
    runs: int
    path: str
    removed: bool


class RunInfo(Value):
    """What only the front knows. ``paths``: where failures are stored, by fingerprint; ``started_at`` is ISO 8601."""

    command: str
    started_at: str
    exit_code: ExitCode
    target: str = ""
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    paths: dict[str, str] = {}
    fixed: tuple[FixedEntry, ...] = ()


class FailureEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One failure. ``count``: executions with it; ``rate`` null: not measured; ``path`` empty: stored nowhere;
    ``also``: further failures that were taken for this one."""

    fingerprint: str
    code: str
    name: str
    summary: str
    expected: str
    observed: str
    dial: str
    count: int
    ops: int
    found_with_ops: int
    origin: str
    rate: Rate | None
    shrunk: bool
    notes: tuple[str, ...]
    path: str
    reproduce: str
    also: tuple[Also, ...] = ()


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``executions`` holds those for shrinking and replay, too."""

    plans: int
    scenarios: int
    executions: int
    restarts: int


class Exercise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As ``fuzzer.campaign.tally.Tally``, of exploration alone; every table is there, if empty."""

    ops: dict[str, int] = {}
    pairs: dict[str, int] = {}
    opens: dict[str, int] = {}
    skips: dict[str, int] = {}
    aborts: dict[str, int] = {}
    obligations: dict[str, int] = {}
    inconclusive: dict[str, int] = {}
    deliveries: int = 0
    at_limit: int = 0
    doubtful: int = 0
    large: int = 0
    large_delivered: int = 0
    unsettled: int = 0
    entitled: int = 0
    turned_away: int = 0
    broken_off: int = 0


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it. ``complete`` is false if the run was interrupted or lost its server; ``running_time`` is in seconds;
    ``vacuous``: invariants that had nothing to check; ``exercised`` false: no invariant had anything to check."""

    format: str
    tool: str
    command: str
    target: str
    seed: int
    started_at: str
    running_time: float
    stop_reason: StopReason
    why: str
    complete: bool
    exit_code: int
    plans: Counts
    exercise: Exercise
    exercised: bool
    vacuous: tuple[str, ...]
    failures: tuple[FailureEntry, ...]
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    fixed: tuple[FixedEntry, ...] = ()


def report_of(result: Result, info: RunInfo) -> Report:
    """The report as a value."""
    totals = result.totals
    return Report(
        format=REPORT_FORMAT,
        tool=tool_version(),
        command=info.command,
        target=info.target,
        seed=result.seed,
        started_at=info.started_at,
        running_time=round(totals.seconds, 3),
        stop_reason=result.stop_reason,
        why=result.why,
        complete=result.stop_reason not in ("interrupted", "server-unavailable") and not result.left_out,
        exit_code=int(info.exit_code),
        plans=Counts(totals.plans, totals.scenarios, totals.executions, totals.restarts),
        exercise=Exercise(**{name: getattr(totals.exercise, name) for name in Exercise.__struct_fields__}),
        exercised=result.exercised,
        vacuous=result.vacuous,
        failures=tuple(_entry(f, result, info) for f in result.failures),
        warnings=info.warnings,
        errors=info.errors,
        fixed=info.fixed,
    )


def json_report(result: Result, info: RunInfo) -> str:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(report_of(result, info)), indent=1).decode()


def report_from_json(data: bytes) -> Report:
    """Read a report again; raises ``msgspec.ValidationError`` if it is none."""
    return msgspec.json.decode(data, type=Report)


def _entry(failure: Failure, result: Result, info: RunInfo) -> FailureEntry:
    finding, path = failure.finding, info.paths.get(failure.fingerprint, "")
    return FailureEntry(
        fingerprint=failure.fingerprint,
        code=failure.code,
        name=failure.name,
        summary=finding.summary,
        expected=finding.expected,
        observed=finding.observed,
        dial=finding.dial,
        count=result.totals.met.get(failure.fingerprint, 1),
        ops=failure.plan.size(),
        found_with_ops=failure.original.size(),
        origin=failure.origin,
        rate=failure.rate,
        shrunk=failure.shrunk,
        notes=failure.notes,
        path=path,
        reproduce=command_for(path),
        also=also_of(failure, result.also, info.paths),
    )
