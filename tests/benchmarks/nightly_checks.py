"""What the reports and the store of a night must say: one failure for each seeded bug, the same everywhere."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from fuzzer.campaign.failure import Failure
from fuzzer.report.json_report import report_from_json


class Check(NamedTuple):
    """One thing that must be so, whether it is, and what was seen."""

    name: str
    good: bool
    seen: str = ""

    def __str__(self) -> str:
        return f"{'ok    ' if self.good else 'FAILED'} {self.name}" + (f": {self.seen}" if self.seen else "")


def checks_of_reports(folder: Path, stored: Sequence[Failure], families: Sequence[Sequence[str]]) -> Iterator[Check]:
    """``families``: for each bug, the codes under which it may be seen."""
    reports = folder / ".hubfuzz" / "reports"
    names = sorted(failure.fingerprint for failure in stored)
    yield Check("one failure for each bug is stored", _one_each(stored, families), ", ".join(names))
    unshrunk = [failure.fingerprint for failure in stored if not failure.shrunk]
    sizes = ", ".join(f"{f.plan.size()} ops {f.rate}" for f in stored)
    yield Check("each is shrunk", not unshrunk, sizes)
    try:
        report = report_from_json((reports / "hubfuzz.json").read_bytes())
        told = sorted(failure.fingerprint for failure in report.failures)
        yield Check("the JSON report has them", told == names, ", ".join(told))
        yield _junit(reports / "hubfuzz.junit.xml", stored)
        yield _html(reports, names)
        yield _markdown((reports / "hubfuzz.md").read_text(), names)
    except OSError as error:
        yield Check("every report is written", False, str(error))


def _one_each(stored: Sequence[Failure], families: Sequence[Sequence[str]]) -> bool:
    met = [[failure for failure in stored if failure.code in family] for family in families]
    return len(stored) == len(families) and all(len(some) == 1 for some in met)


def _junit(path: Path, stored: Sequence[Failure]) -> Check:
    failed = [case.get("name", "") for case in ET.parse(path).iter("testcase") if case.find("failure") is not None]
    expected = sorted(f"{failure.fingerprint} {failure.name}" for failure in stored)
    return Check("JUnit has them", sorted(failed) == expected, ", ".join(failed))


def _html(folder: Path, names: Sequence[str]) -> Check:
    text = (folder / "hubfuzz.html").read_text()
    pages = [name for name in names if f"{name}.html" in text and name in (folder / f"{name}.html").read_text()]
    return Check("HTML has them, a page for each", pages == names, f"{len(pages)} pages")


def _markdown(text: str, names: Sequence[str]) -> Check:
    headings = [line for line in text.splitlines() if line.startswith("### HF")]
    good = sorted(line.split()[1] for line in headings) == names and text.count("```mermaid") == len(names)
    return Check("Markdown has them, a diagram for each", good, f"{len(headings)} headings")
