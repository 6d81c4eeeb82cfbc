"""The pages in a real browser: nothing is fetched, nothing complained of, and keys and search do what they say.

Skipped, by name, where Chromium or its driver is missing: ``apt-get install chromium chromium-driver``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hard_failures
import pytest
import samples
from browser import Browser, missing, opened

from fuzzer.campaign.failure import Failure
from fuzzer.report.files import files_of_failure, files_of_run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(missing()), reason=f"the HTML pages are NOT tested in a browser: {missing()}"),
]
DOWN, UP, LEFT, RIGHT, ESCAPE, END = "\ue015", "\ue013", "\ue012", "\ue014", "\ue00c", "\ue010"
CHOSEN = ".line.chosen .text"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with opened(tmp_path_factory.mktemp("profile")) as running:
        yield running


def written(failure: Failure, folder: Path) -> Path:
    ((name, text),) = files_of_failure(("html",), failure, ".hubfuzz/failures/x.json", folder, "hubfuzz.html")
    (folder / name).write_text(text, "utf-8")
    return folder / name


def chosen(browser: Browser) -> str:
    (text,) = browser.texts(CHOSEN)
    return text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("make", [samples.loss, samples.crash, samples.crowded, hard_failures.hostile])
def test_nothing_is_fetched_and_nothing_complained_of(
    browser: Browser, make: type[Failure], dark: bool, tmp_path: Path
) -> None:
    page = written(make(), tmp_path)
    browser.show(page, dark=dark)
    browser.press("a", DOWN, END, "/")
    assert [url for url in browser.requests() if not url.startswith("data:")] == [page.as_uri()]
    assert browser.complaints() == []
    assert browser.run("document.title") != "broken", "text from outside was run"
    background = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, background[4:-1].split(","))) < 64) == dark


def test_the_page_of_a_run_loads_and_leads_to_its_failures(browser: Browser, tmp_path: Path) -> None:
    result = samples.with_failures()
    for failure in result.failures:
        written(failure, tmp_path)
    for name, text in files_of_run(("html",), result, hard_failures.info()):
        (tmp_path / name).write_text(text, "utf-8")
    browser.show(tmp_path / "hubfuzz.html")
    browser.run("document.querySelector('tbody a').click()")
    assert browser.texts("h1") == ["HF201 limit-exceeded"]
    browser.run("document.querySelector('.crumbs a').click()")
    assert browser.texts("h1") == ["2 failures in 30.2 s, 300 plans"]
    assert browser.complaints() == []


def test_the_missing_delivery_is_chosen_first_and_drawn(browser: Browser, tmp_path: Path) -> None:
    browser.show(written(samples.loss(), tmp_path))
    assert chosen(browser) == "c never gets m0"
    assert browser.run("document.querySelectorAll('svg .lost').length") == 1
    assert browser.run("document.querySelectorAll('svg .owed').length") == 3
    assert browser.texts(".lanes b") == ["a", "b", "c"]
    assert "missing onc" in "".join(browser.texts("#details dl"))


def test_arrow_keys_walk_through_events(browser: Browser, tmp_path: Path) -> None:
    browser.show(written(samples.loss(), tmp_path))
    browser.press(DOWN)
    assert chosen(browser) == "c gets m1"
    browser.press(UP, UP)
    assert chosen(browser) == "b gets m1"
    browser.press(LEFT)
    assert chosen(browser) == "b sends m1 to user:u0"
    browser.press(RIGHT)
    assert chosen(browser) == "b gets m1"
    browser.press("e")
    assert chosen(browser) == "c never gets m0"


def test_slash_finds_a_message(browser: Browser, tmp_path: Path) -> None:
    browser.show(written(samples.loss(), tmp_path))
    browser.press("/", "m0")
    assert browser.run("document.activeElement.id") == "find"
    assert browser.texts("#found") == ["3 found"]
    assert all("m0" in text for text in browser.texts(".line.match .text"))
    browser.press(ESCAPE)
    assert browser.texts(".line.match") == []


def test_what_is_hidden_is_found_too(browser: Browser, tmp_path: Path) -> None:
    browser.show(written(samples.loss(), tmp_path))
    hidden = "handed to the kernel"
    assert not [text for text in browser.texts(".line .text") if hidden in text]
    browser.press("/", hidden)
    assert hidden in chosen(browser)
    assert browser.run("document.getElementById('all').checked")


def test_evidence_and_log_lead_to_their_event(browser: Browser, tmp_path: Path) -> None:
    browser.show(written(samples.crash(), tmp_path))
    browser.press(END)
    browser.run("document.querySelector('.log [data-at]').click()")
    assert "ended with status 7" in chosen(browser)


def test_a_thousand_events_can_be_read(browser: Browser, tmp_path: Path) -> None:
    failure = hard_failures.long()
    assert len(failure.history.events) == 1_000
    browser.show(written(failure, tmp_path))
    browser.press("a")
    assert browser.run("document.querySelectorAll('.line').length") == 1_001, "and the delivery that is missing"
    assert browser.run("document.querySelectorAll('svg .sign').length") > 700
    browser.press(END)
    assert browser.run("document.getElementById('chart').scrollTop") > 20_000
    browser.press("/", "m111 ")
    assert "m111 " in chosen(browser)
    assert browser.complaints() == []
    overlap = "[...document.querySelectorAll('.line')].some((l, n, all) => n && l.offsetTop < all[n-1].offsetTop + 20)"
    assert browser.run(overlap) is False


def test_a_narrow_window_does_not_scroll_sideways(browser: Browser, tmp_path: Path) -> None:
    page = written(hard_failures.hostile(), tmp_path)
    browser.driver.set_window_size(520, 900)
    try:
        browser.show(page)
        assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    finally:
        browser.driver.set_window_size(1480, 1000)
