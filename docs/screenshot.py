"""Write docs/failure.png: the page of a real failure, as Chromium shows it.

``python docs/screenshot.py [FAILURE.json] [IMAGE.png]``; without arguments that of docs/failure.json, which
``hubfuzz run --bug S31 --seconds 8 --max-failures 1 --seed 3`` found. Needs chromium and chromedriver.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS.parent / "tests" / "reports")]

from browser import missing, opened  # noqa: E402

from fuzzer.campaign.store import read_failure  # noqa: E402
from fuzzer.report.html_failure import failure_page  # noqa: E402

WIDTH, HEIGHT = 1440, 1330
MOST_BYTES = 300_000


def main(source: Path, image: Path) -> str:
    """What went wrong, in one line; empty if nothing did."""
    if missing():
        return missing()
    failure = read_failure(source).failure
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "profile", WIDTH, HEIGHT) as browser:
        page = Path(folder) / "page.html"
        stored = f".hubfuzz/failures/{failure.fingerprint}.json"
        page.write_text(failure_page(failure, stored, "hubfuzz.html"), "utf-8")
        browser.show(page)
        browser.driver.save_screenshot(str(image))
    size = image.stat().st_size
    return f"{image}: {size} bytes, more than {MOST_BYTES}" if size > MOST_BYTES else ""


if __name__ == "__main__":
    given = [*map(Path, sys.argv[1:]), *(DOCS / "failure.json", DOCS / "failure.png")[len(sys.argv) - 1 :]]
    sys.exit(main(given[0], given[1]) or 0)
