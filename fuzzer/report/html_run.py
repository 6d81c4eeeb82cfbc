"""A whole run as one page: its failures with links to their own pages, what was checked, what was exercised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fuzzer.campaign.failure import Failure, tool_version
from fuzzer.campaign.options import Result
from fuzzer.invariants import INVARIANTS
from fuzzer.report.also import also_of
from fuzzer.report.case import command_for, with_seed
from fuzzer.report.glyphs import shown
from fuzzer.report.html_page import page
from fuzzer.report.json_report import RunInfo
from fuzzer.report.layout import plural
from fuzzer.report.matrix import ENDS, ORDER
from fuzzer.report.summary import counts, verdict_line

HOT = (1, 10, 100)


def run_page(result: Result, info: RunInfo, pages: Mapping[str, str]) -> str:
    """``pages``: link to the page of each failure, by fingerprint."""
    verdict = verdict_line(result).plain
    return page(
        "run.html.j2",
        ("page.css",),
        (),
        title=f"hubfuzz: {verdict}",
        tool=tool_version(),
        started_at=shown(info.started_at),
        verdict=verdict,
        tone={0: "good", 1: "bad"}.get(int(info.exit_code), "bad" if result.failures else "note"),
        chips=list(_chips(result, info)),
        failures=[_failure(f, result, info, pages) for f in result.failures],
        warnings=[shown(line, 400) for line in (*info.warnings, *info.errors)],
        checks=list(_checks(result)),
        exercise=list(_exercise(result)),
        pairs=_pairs(result.totals.exercise.pairs),
        command=with_seed(info.command, result.seed),
        why=shown(result.why or result.stop_reason, 400),
    )


def _chips(result: Result, info: RunInfo) -> Iterator[tuple[str, str, str]]:
    if info.target:
        yield "target", shown(info.target, 80), ""
    yield "seed", str(result.seed), ""
    yield "exit code", str(int(info.exit_code)), "bad" if info.exit_code else ""
    yield "plans", str(result.totals.plans), ""
    yield "time", f"{result.totals.seconds:.1f} s", ""
    yield "stopped", shown(result.why or result.stop_reason, 80), ""


def _failure(failure: Failure, result: Result, info: RunInfo, pages: Mapping[str, str]) -> dict[str, Any]:
    rate = failure.rate
    return {
        "href": pages.get(failure.fingerprint, ""),
        "fingerprint": shown(failure.fingerprint),
        "name": shown(failure.name),
        "summary": shown(failure.finding.summary, 300),
        "notes": [shown(note, 200) for note in failure.notes],
        "also": [
            {"words": shown(str(also), 300), "href": pages.get(also.fingerprint, ""), "command": also.reproduce}
            for also in also_of(failure, result.also, info.paths)
        ],
        "rate": str(rate) if rate else "not measured",
        "share": round(100 * rate.share) if rate else 0,
        "met": result.totals.met.get(failure.fingerprint, 1),
        "ops": failure.plan.size(),
        "found_with": failure.original.size(),
        "command": command_for(info.paths.get(failure.fingerprint, "")),
    }


def _checks(result: Result) -> Iterator[dict[str, Any]]:
    checked = result.totals.exercise.obligations
    broken = {fingerprint.partition("-")[0] for fingerprint in result.violated}
    most = max(checked.values(), default=0) or 1
    for invariant in INVARIANTS:
        if invariant.code in checked:
            count = checked[invariant.code]
            tone = "broken" if invariant.code in broken else "" if count else "unchecked"
            yield {
                "code": invariant.code,
                "name": invariant.name,
                "count": count,
                "share": max(round(100 * count / most), 1 if count else 0),
                "tone": tone,
            }


def _exercise(result: Result) -> Iterator[tuple[str, str]]:
    totals, tally = result.totals, result.totals.exercise
    yield "Plans", f"{totals.plans}, {plural(totals.scenarios, 'scenario')} among them"
    yield "Runs", f"{totals.executions}, with those for shrinking and measuring"
    for word, table in (("Ops", tally.ops), ("Openings", tally.opens), ("Skipped", tally.skips)):
        yield word, counts(table)
    yield "Deliveries", str(tally.deliveries)
    yield "At the limit", str(tally.at_limit)
    for word, table in (("Broken off", tally.aborts), ("Undecided", tally.inconclusive)):
        if table:
            yield word, counts(table)
    yield "Restarts", str(totals.restarts)


def _pairs(pairs: Mapping[str, int]) -> dict[str, Any]:
    """A triangle, as in the terminal: only kinds of op that met anything."""
    met = {kind for label in pairs for kind in label.split("|")}
    kinds = [*(kind for kind in (*ORDER, *ENDS) if kind in met), *sorted(met - {*ORDER, *ENDS})]
    rows = [
        {"kind": shown(row, 20), "cells": [_cell(pairs, row, column) for column in kinds[: place + 1]]}
        for place, row in enumerate(kinds)
    ]
    return {"kinds": [shown(kind, 20) for kind in kinds], "rows": rows}


def _cell(pairs: Mapping[str, int], row: str, column: str) -> dict[str, int]:
    count = pairs.get(f"{column}|{row}", 0) or pairs.get(f"{row}|{column}", 0)
    return {"count": count, "heat": sum(count >= bound for bound in HOT)}
