"""JUnit XML as Jenkins, GitLab and GitHub actions read it (the ``xunit2`` family of pytest and surefire).

One testcase for each invariant that the policy switches on, so that their history is seen from night to night; one
for each failure, by its fingerprint, which alone counts as a failure; one, skipped, for each that was taken for another
one; one for the run, an error if it proved nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.options import Result
from fuzzer.exit_codes import ExitCode
from fuzzer.invariants import INVARIANTS
from fuzzer.report.also import also_of
from fuzzer.report.case import case_of
from fuzzer.report.glyphs import shown
from fuzzer.report.json_report import RunInfo
from fuzzer.report.summary import verdict_line
from fuzzer.report.text import describe

WIDTH = 100


def junit_report(result: Result, info: RunInfo) -> str:
    """One suite; times are in seconds."""
    cases = [_run(result, info), *_invariants(result), *(_failure(f, result, info) for f in result.failures)]
    cases += [_taken(f, info) for f in result.also]
    suite = ET.Element(
        "testsuite",
        name="hubfuzz",
        tests=str(len(cases)),
        failures=str(_count(cases, "failure")),
        errors=str(_count(cases, "error")),
        skipped=str(_count(cases, "skipped")),
        time=f"{result.totals.seconds:.3f}",
        timestamp=info.started_at,
    )
    suite.append(_properties(result, info))
    suite.extend(cases)
    root = ET.Element("testsuites", name="hubfuzz")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _count(cases: list[ET.Element], kind: str) -> int:
    return sum(case.find(kind) is not None for case in cases)


def _properties(result: Result, info: RunInfo) -> ET.Element:
    element = ET.Element("properties")
    said = {"target": info.target, "seed": str(result.seed), "command": info.command, "stop_reason": result.stop_reason}
    for name, value in said.items():
        ET.SubElement(element, "property", name=name, value=_inert(value))
    return element


def _run(result: Result, info: RunInfo) -> ET.Element:
    case = ET.Element("testcase", classname="hubfuzz", name="run", time=f"{result.totals.seconds:.3f}")
    if info.exit_code in (ExitCode.ERROR, ExitCode.INTERRUPTED):
        why = _inert(verdict_line(result).plain)
        ET.SubElement(case, "error", message=why, type=result.stop_reason).text = _inert(result.why or why)
    lines = [verdict_line(result).plain, f"stopped: {result.why}", *(f"warning: {line}" for line in info.warnings)]
    ET.SubElement(case, "system-out").text = "\n".join(_inert(line) for line in lines)
    return case


def _invariants(result: Result) -> Iterator[ET.Element]:
    checked = result.totals.exercise.obligations
    broken: dict[str, list[str]] = {}
    for fingerprint in result.violated:
        broken.setdefault(fingerprint.partition("-")[0], []).append(fingerprint)
    for invariant in INVARIANTS:
        if invariant.code not in checked and invariant.code not in broken:
            continue
        case = ET.Element(
            "testcase", classname=f"hubfuzz.{invariant.family}", name=f"{invariant.code} {invariant.name}", time="0"
        )
        if invariant.code in broken:
            ET.SubElement(case, "skipped", message=f"broken: see {', '.join(broken[invariant.code])}")
        elif not checked[invariant.code]:
            ET.SubElement(case, "skipped", message="it had nothing to check")
        yield case


def _failure(failure: Failure, result: Result, info: RunInfo) -> ET.Element:
    name = _inert(f"{failure.fingerprint} {failure.name}".strip())
    case = ET.Element("testcase", classname="hubfuzz.failures", name=name, time=f"{failure.shrink_seconds:.3f}")
    element = ET.SubElement(case, "failure", message=_inert(failure.finding.summary), type=_inert(failure.code))
    also = also_of(failure, result.also, info.paths)
    lines = describe(case_of(failure, info.paths.get(failure.fingerprint, ""), also), WIDTH)
    element.text = "\n".join(_inert(line.plain.rstrip()) for line in lines)
    return case


def _taken(failure: Failure, info: RunInfo) -> ET.Element:
    """Not counted, and not hidden."""
    name = _inert(f"{failure.fingerprint} {failure.name}".strip())
    case = ET.Element("testcase", classname="hubfuzz.failures", name=name, time=f"{failure.shrink_seconds:.3f}")
    ET.SubElement(case, "skipped", message=_inert(f"taken for {failure.same_as}: {failure.same_why}"))
    lines = describe(case_of(failure, info.paths.get(failure.fingerprint, "")), WIDTH)
    ET.SubElement(case, "system-out").text = "\n".join(_inert(line.plain.rstrip()) for line in lines)
    return case


def _inert(line: str) -> str:
    """XML 1.0 has no way to write most control characters (2.2); they are escaped as everywhere else in hubfuzz."""
    return shown(line, 10_000)
