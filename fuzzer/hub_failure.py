"""What tests raise: a failure as an exception, with the same text that the command line prints."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache

from fuzzer.campaign.failure import Failure, invariant_name, tool_version
from fuzzer.history import History
from fuzzer.plan import Plan
from fuzzer.verdict import Finding

WIDTH = 100


class HubFailure(AssertionError):
    """A hub broke an invariant; each code has its own subclass. The text is the one that the command line prints.

    ``failures``: all that were found, the worst first. ``headline`` is one line.
    """

    failures: tuple[Failure, ...] = ()
    headline: str = ""


class Vacuous(Exception):
    """Nothing was exercised, so that a green light would mean nothing; the text is one line."""


def failure_of(history: History, violations: Sequence[Finding], origin: str, first: Plan | None = None) -> Failure:
    """The failure that one execution shows, by the first of its violations; ``first``: the plan before shrinking."""
    finding = violations[0]
    return Failure(
        fingerprint=finding.fingerprint,
        code=finding.code,
        name=invariant_name(finding.code),
        plan=history.plan,
        original=first or history.plan,
        history=history,
        finding=finding,
        others=tuple(other for other in violations if other.fingerprint != finding.fingerprint),
        origin=origin,
        tool=tool_version(),
    )


@cache
def failure_class(code: str) -> type[HubFailure]:
    """``HF101Failure`` for ``HF101``: always the same class, by which Hypothesis and pytest tell invariants apart."""
    return type(f"{code}Failure", (HubFailure,), {"__module__": "fuzzer", "__doc__": f"{code} was broken."})


def hub_failure(
    failures: Sequence[Failure], paths: Mapping[str, str] | None = None, also: Sequence[Failure] = ()
) -> HubFailure:
    """The exception for these failures (at least one); ``paths``: where they are stored, by fingerprint; ``also``:
    those that were taken for one of them."""
    from fuzzer.report.also import also_of
    from fuzzer.report.case import case_of
    from fuzzer.report.glyphs import glyphs_for
    from fuzzer.report.text import describe, summary_line

    # pytest replaces sys.stdout while a test runs; what it prints in the end goes to the original one.
    glyphs = glyphs_for(getattr(sys.__stdout__, "encoding", None))
    paths = paths or {}
    cases = [case_of(f, paths.get(f.fingerprint, ""), also_of(f, also, paths)) for f in failures]
    texts = ["\n".join(line.plain.rstrip() for line in describe(case, WIDTH, glyphs)) for case in cases]
    error = failure_class(failures[0].code)("\n\n".join(texts))
    error.failures = tuple(failures)
    error.headline = "; ".join(summary_line(case) for case in cases)
    return error
