"""JUnit XML: what the schemas of Jenkins' xunit plugin and of surefire allow, and what it counts."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import hard_failures
import msgspec
import pytest
import samples

from fuzzer.campaign.options import Result
from fuzzer.exit_codes import ExitCode
from fuzzer.report.junit import junit_report

# element: attributes that must be there, that may be there, children that may be there
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"time", "classname"}, {"skipped", "error", "failure", "system-out", "system-err"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}
RESULTS = {
    "failures": (samples.with_failures(), ExitCode.FAILURES),
    "clean": (samples.clean(), ExitCode.CLEAN),
    "vacuous": (samples.vacuous(), ExitCode.ERROR),
    "gone": (samples.server_gone(), ExitCode.ERROR),
    "interrupted": (samples.interrupted(), ExitCode.INTERRUPTED),
    "hostile": (samples.result("time", " ".join(hard_failures.NAMES), hard_failures.hostile()), ExitCode.FAILURES),
}


def suite_of(result: Result, code: ExitCode) -> ET.Element:
    root = ET.fromstring(junit_report(result, hard_failures.info(code, target=hard_failures.NAMES[4])))
    (suite,) = root
    return suite


@pytest.mark.parametrize("name", RESULTS)
def test_it_is_valid(name: str) -> None:
    said = junit_report(RESULTS[name][0], hard_failures.info(RESULTS[name][1]))
    for element in ET.fromstring(said).iter():
        must, may, children = SCHEMA[element.tag]
        assert must <= set(element.keys()) <= must | may, element.tag
        assert {child.tag for child in element} <= children
        assert re.fullmatch(r"\d*(\.\d*)?", element.get("time", "0")), "as surefire writes times"
    assert not re.search(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", said), "XML 1.0, 2.2"


@pytest.mark.parametrize("name", RESULTS)
def test_the_counts_are_those_of_the_testcases(name: str) -> None:
    suite = suite_of(*RESULTS[name])
    cases = suite.findall("testcase")
    assert suite.get("tests") == str(len(cases))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert suite.get(attribute) == str(sum(case.find(kind) is not None for case in cases))
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)


def test_one_failure_a_fingerprint_and_one_case_an_invariant() -> None:
    suite = suite_of(*RESULTS["failures"])
    failing = [case.get("name") for case in suite.findall("testcase") if case.find("failure") is not None]
    assert [name.partition(" ")[0] for name in failing if name] == [
        f.fingerprint for f in samples.with_failures().failures
    ]
    cases = {str(case.get("name")): case for case in suite.findall("testcase")}
    assert list(cases["HF103 no-duplicate"]) == []
    assert _skipped(cases["HF302 head-of-line"]) == "it had nothing to check"
    assert _skipped(cases["HF201 limit-exceeded"]) == "broken: see HF201-3461cc"
    text = suite.find("testcase/failure")
    assert text is not None
    assert "Reproduce  hubfuzz replay .hubfuzz/failures/HF201-3461cc.json" in (text.text or "")


@pytest.mark.parametrize("name", ["vacuous", "gone", "interrupted"])
def test_a_run_that_did_not_do_its_job_is_an_error(name: str) -> None:
    suite = suite_of(*RESULTS[name])
    error = suite.find("testcase[@name='run']/error")
    assert error is not None
    assert error.get("type") == RESULTS[name][0].stop_reason
    assert suite_of(*RESULTS["clean"]).get("errors") == "0"


def _skipped(case: ET.Element) -> str | None:
    element = case.find("skipped")
    return None if element is None else element.get("message")


def test_what_is_known_or_not_counted_is_not_passed_either() -> None:
    clean = samples.clean()
    result = msgspec.structs.replace(clean, totals=msgspec.structs.replace(clean.totals, met={"HF103-abcdef": 2}))
    suite = suite_of(result, ExitCode.CLEAN)
    (case,) = (case for case in suite.iter("testcase") if case.get("name") == "HF103 no-duplicate")
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "broken: see HF103-abcdef"
    assert suite.get("failures") == "0"
