"""Which files there are for each kind of report, and what stands in them. Pure: whoever asked writes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.options import Result
from fuzzer.report.json_report import RunInfo, json_report

NAMES = {
    "json": "hubfuzz.json",
    "ndjson": "hubfuzz.ndjson",
    "junit": "hubfuzz.junit.xml",
    "html": "hubfuzz.html",
    "md": "hubfuzz.md",
}
FOR_EACH_FAILURE = ("html", "pytest")
KINDS = (*NAMES, "pytest")


def files_of_run(kinds: Collection[str], result: Result, info: RunInfo) -> Iterator[tuple[str, str]]:
    """Name and text of each file about the whole run; templates and parsers are only imported when asked for."""
    if "json" in kinds:
        yield NAMES["json"], json_report(result, info)
    if "junit" in kinds:
        from fuzzer.report.junit import junit_report

        yield NAMES["junit"], junit_report(result, info)
    if "md" in kinds:
        from fuzzer.report.markdown import markdown_report

        yield NAMES["md"], markdown_report(result, info)
    if "html" in kinds:
        from fuzzer.report.html_run import run_page

        pages = {f.fingerprint: page_name(f) for f in (*result.failures, *result.also)}
        yield NAMES["html"], run_page(result, info, pages)


def files_of_failure(
    kinds: Collection[str], failure: Failure, path: str, folder: Path, index: str = "", also: Iterable[object] = ()
) -> Iterator[tuple[str, str]]:
    """Name and text of each file about one failure, which is stored at ``path``; ``folder``: where they will lie;
    ``also``: what was taken for it, in words."""
    if "html" in kinds:
        from fuzzer.report.html_failure import failure_page

        yield page_name(failure), failure_page(failure, path, index, also)
    if "pytest" in kinds:
        from fuzzer.report.pytest_file import file_name, pytest_file

        yield file_name(failure), pytest_file(failure, folder)


def page_name(failure: Failure) -> str:
    """``HF201-3461cc.html``, whatever a file claims its fingerprint to be."""
    return re.sub(r"[^\w-]+", "_", failure.fingerprint) + ".html"
