"""The pages as text: whole, self-contained, and nothing from outside is markup in them."""

from __future__ import annotations

import json
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import hard_failures
import msgspec
import pytest
import samples

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.store import read_failure
from fuzzer.exit_codes import ExitCode
from fuzzer.report.html_failure import failure_page
from fuzzer.report.html_page import FOLDER
from fuzzer.report.html_run import run_page

ROOT = Path(__file__).parents[2]
FAILURES = {
    "limit": samples.limit,
    "loss": samples.loss,
    "crash": samples.crash,
    "crowded": samples.crowded,
    "hostile": hard_failures.hostile,
    "long": hard_failures.long,
}


class Reader(HTMLParser):
    """What a page holds: its tags with their attributes, and its text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data = ""
        self._within = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = "data" if dict(attrs).get("id") == "data" else tag

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "data":
            self.data += data
        elif self._within not in ("script", "style"):
            self.text += data


@pytest.fixture(params=FAILURES)
def failure(request: pytest.FixtureRequest) -> Failure:
    made: Failure = FAILURES[request.param]()
    return made


def test_a_page_loads_nothing_and_runs_only_its_own_script(failure: Failure) -> None:
    page = Reader(failure_page(failure, "x.json", "hubfuzz.html"))
    allowed = {"a": "hubfuzz.html", "link": "data:,"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], attributes
        assert "src" not in attributes
        assert attributes.get("href", allowed.get(tag)) == allowed.get(tag)
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert [tag for tag, _ in page.tags].count("script") == 2, "the data and the script"


def test_the_page_says_what_the_failure_is(failure: Failure) -> None:
    page = Reader(failure_page(failure, "dir/x.json"))
    for words in (failure.code, failure.fingerprint, "Given" if failure.plan.size() > 2 else "When", "hubfuzz replay"):
        assert words in page.text
    data = json.loads(page.data)
    assert len(data["moments"]) == len(failure.history.events)
    assert {s["conn"] for s in data["strands"]} == {m["conn"] for m in data["moments"] if m["kind"] == "open_inv"}


def test_text_from_outside_is_text() -> None:
    failure = hard_failures.hostile()
    page = failure_page(failure, 'x"y.json')
    assert hard_failures.SCRIPT not in page
    assert not re.search(r"<img|onerror=['\"]", page)
    assert all(char.isprintable() or char == "\n" for char in page)
    reader = Reader(page)
    assert hard_failures.SCRIPT in reader.text, "shown, as text"
    assert "nul\\x00 esc\\x1b[31m line\\nfeed \\ud800 \\uffff" in reader.text
    assert "{{ 7 * 7 }}" in reader.text


def test_the_log_of_the_server_is_beside_it() -> None:
    text = Reader(failure_page(samples.crash())).text
    assert "the process ended with status 7" in text
    assert "RuntimeError: Cannot call" in text
    failure = samples.limit()
    assert "No line of it was an error" in Reader(failure_page(failure)).text
    history = msgspec.structs.replace(failure.history, log=("INFO: <b>tab</b> opened",))
    said = Reader(failure_page(msgspec.structs.replace(failure, history=history))).text
    assert "INFO: <b>tab</b> opened" in said


def test_both_plans_are_there() -> None:
    page = failure_page(samples.limit())
    least, original = page.partition('id="least"')[2].split('id="original"')
    assert "a opens as u0" in least
    assert "c is reset" not in least
    assert "c is reset" in original


def test_the_page_of_a_run() -> None:
    result = samples.with_failures()
    links = {f.fingerprint: f"{f.fingerprint}.html" for f in result.failures}
    page = Reader(run_page(result, hard_failures.info(warnings=("<b>slow</b>",)), links))
    assert [a["href"] for t, a in page.tags if t == "a"] == list(links.values())
    for words in (
        "2 failures",
        "20/20",
        "18/20",
        "limit-exceeded",
        "nothing to check",
        "<b>slow</b>",
        "--seed 4479498",
    ):
        assert words in page.text
    assert "script" not in [tag for tag, _ in page.tags]


def test_the_page_of_a_run_that_proved_nothing() -> None:
    page = Reader(run_page(samples.vacuous(), hard_failures.info(ExitCode.ERROR), {}))
    assert "nothing was proved" in page.text
    assert "no two" not in page.text


def test_templates_are_packaged() -> None:
    globs = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["fuzzer"]
    found = {path for pattern in globs for path in (ROOT / "fuzzer").glob(pattern)}
    assert set(FOLDER.iterdir()) <= found


def test_the_failure_of_the_readme_is_still_read_and_drawn() -> None:
    stored = read_failure(ROOT / "docs" / "failure.json")
    assert "head-of-line" in Reader(failure_page(stored.failure)).text
    assert (ROOT / "docs" / "failure.png").stat().st_size < 300_000
