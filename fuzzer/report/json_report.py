"""The report of a whole run as one JSON object, for jobs that read it afterwards."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from fuzzer.campaign.failure import Failure, tool_version
from fuzzer.campaign.options import Result
from fuzzer.exit_codes import ExitCode
from fuzzer.report.case import command_for
from fuzzer.values import Value

REPORT_FORMAT = "hubfuzz-report/1"


class RunInfo(Value):
    """What only the front knows. ``paths``: where failures are stored, by fingerprint; ``started_at`` is ISO 8601."""

    command: str
    started_at: str
    exit_code: ExitCode
    target: str = ""
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    paths: dict[str, str] = {}


def json_report(result: Result, info: RunInfo) -> str:
    """Indented JSON; ``complete`` is false if the run was interrupted or lost its server."""
    totals = msgspec.to_builtins(result.totals)
    return json.dumps(
        {
            "format": REPORT_FORMAT,
            "tool": tool_version(),
            "command": info.command,
            "target": info.target,
            "seed": result.seed,
            "started_at": info.started_at,
            "running_time": round(result.totals.seconds, 3),
            "stop_reason": result.stop_reason,
            "why": result.why,
            "complete": result.stop_reason not in ("interrupted", "server-unavailable"),
            "exit_code": int(info.exit_code),
            "plans": {name: totals.get(name, 0) for name in ("plans", "scenarios", "executions", "restarts")},
            "exercise": totals.get("exercise", {}),
            "exercised": result.exercised,
            "vacuous": list(result.vacuous),
            "failures": [_failure(f, info.paths.get(f.fingerprint, ""), totals) for f in result.failures],
            "warnings": list(info.warnings),
            "errors": list(info.errors),
        },
        indent=1,
    )


def _failure(failure: Failure, path: str, totals: dict[str, Any]) -> dict[str, Any]:
    finding = failure.finding
    return {
        "fingerprint": failure.fingerprint,
        "code": failure.code,
        "name": failure.name,
        "summary": finding.summary,
        "expected": finding.expected,
        "observed": finding.observed,
        "dial": finding.dial,
        "count": totals.get("met", {}).get(failure.fingerprint, 1),
        "ops": failure.plan.size(),
        "found_with_ops": failure.original.size(),
        "origin": failure.origin,
        "rate": {"failed": failure.rate.failed, "runs": failure.rate.runs} if failure.rate else None,
        "shrunk": failure.shrunk,
        "notes": list(failure.notes),
        "path": path,
        "reproduce": command_for(path),
    }
