"""The tables that ``soundness.py`` prints, and which section of the README each belongs to."""

from __future__ import annotations

import argparse
import os
import platform
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence

from tests.benchmarks.runs import Run
from tests.benchmarks.tables import table
from tests.benchmarks.unsound import UNSOUND

CONDITIONS = {
    "burn": "all cores busy with processes of a higher priority",
    "pause": "the server stopped (SIGSTOP) at drawn moments for up to 3 s",
    "latency": "50 ms (plus or minus 20) of latency on every connection",
}


def section(options: argparse.Namespace) -> str:
    """The name of the markers: ``soundness``, ``soundness-pause``, ``soundness-unsound``, ..."""
    parts = [name for name in CONDITIONS if getattr(options, name)]
    return "-".join(["soundness", *(["unsound"] if options.unsound else parts)])


def report(options: argparse.Namespace, runs: Mapping[str, Run], skipped: Sequence[str]) -> str:
    """One line for each hub; a column for each invariant counts how often it had something to check."""
    codes = sorted({code for run in runs.values() for code in run.obligations})
    head = ["hub", "plans", *(code.removeprefix("HF") for code in codes), "inconclusive", "violations"]
    body = table(head, [row(hub, run, codes) for hub, run in runs.items()]) if runs else "No hub could be fuzzed."
    notes = [f"Skipped: {why}." for why in skipped]
    return "\n\n".join([intro(options), body, *notes])


def intro(options: argparse.Namespace) -> str:
    """Under which conditions, and how to repeat it."""
    under = [words for name, words in CONDITIONS.items() if getattr(options, name)]
    where = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    conditions = "; ".join([*under, where])
    return f"{conditions[0].upper()}{conditions[1:]}: `{command(options)}`"


def command(options: argparse.Namespace) -> str:
    """What was typed."""
    return shlex.join(["python", "-m", "tests.benchmarks.soundness", *options.said])


def row(hub: str, run: Run, codes: Sequence[str]) -> list[str]:
    """``-``: the hub's policy switches this invariant off; 0: it never had anything to check."""
    checked = [short(run.obligations[code]) if code in run.obligations else "-" for code in codes]
    return [hub, f"{run.plans:,}", *checked, counted(run.inconclusive), counted(run.violations)]


def short(number: int) -> str:
    """Three digits of it: 1234567 as 1.23M."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def counted(findings: Counter[str]) -> str:
    """The sum, and by code."""
    codes = ", ".join(f"{code} {number}" for code, number in sorted(findings.items()))
    return f"{sum(findings.values())}" + (f" ({codes})" if codes else "")


def report_unsound(options: argparse.Namespace, found: Mapping[str, tuple[int, int, list[str]]]) -> str:
    """How often each wrong judge accused a correct hub, and hubfuzz's own on the same histories."""
    head = ["wrong rule", "correct hub", "plans", "accused by it", "by hubfuzz"]
    rows = [
        [UNSOUND[name].rule, UNSOUND[name].hub, str(plans), str(accused), counted(Counter(right))]
        for name, (plans, accused, right) in found.items()
    ]
    return "\n\n".join([intro(options), table(head, rows)])
