"""The texts of failures, plans and ends of runs."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

import pytest
import samples
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from syrupy.assertion import SnapshotAssertion

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.options import Result
from fuzzer.cli.tell import closing_of
from fuzzer.report.case import case_of
from fuzzer.report.glyphs import ASCII, UNICODE
from fuzzer.report.lanes import draw
from fuzzer.report.scene import scene_of
from fuzzer.report.summary import summarise
from fuzzer.report.text import describe, trace
from fuzzer.report.warnings import warnings_of

FAILURES = {
    "limit": samples.limit(),
    "loss": samples.loss(),
    "crash": samples.crash(),
    "crowded": samples.crowded(),
}
ENDS = {
    "clean": samples.clean(),
    "with-failures": samples.with_failures(),
    "one-in-two-ways": samples.one_in_two_ways(),
    "interrupted": samples.interrupted(),
    "server-gone": samples.server_gone(),
    "vacuous": samples.vacuous(),
}


def plain(lines: Iterable[Text], width: int) -> str:
    """Without colour, and never wider than asked for, but for what is to be copied whole."""
    texts = [line.plain for line in lines]
    for text in texts:
        assert cell_len(text) <= width or "hubfuzz replay" in text, text
        assert "\x1b" not in text
    return "\n".join(texts) + "\n"


def coloured(lines: Iterable[Text], width: int) -> str:
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system="standard", highlight=False)
    for line in lines:
        console.print(line, soft_wrap=True)
    return out.getvalue().replace("\x1b", "␛")


def text_of(failure: Failure, width: int) -> list[Text]:
    return describe(case_of(failure, f".hubfuzz/failures/{failure.fingerprint}.json"), width)


def end_of(result: Result, width: int) -> Iterable[Text]:
    paths = {f.fingerprint: f".hubfuzz/failures/{f.fingerprint}.json" for f in (*result.failures, *result.also)}
    closing = closing_of(result, tuple(warnings_of(result, True)), (".hubfuzz/reports/hubfuzz.json",), paths)
    return summarise(result, closing, width)


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure(name: str, width: int, shown: SnapshotAssertion) -> None:
    assert plain(text_of(FAILURES[name], width), width) == shown


def test_a_failure_in_colour(shown: SnapshotAssertion) -> None:
    assert coloured(text_of(FAILURES["loss"], 80), 80) == shown


def test_a_failure_in_ascii(shown: SnapshotAssertion) -> None:
    lines = describe(case_of(FAILURES["loss"], "f.json"), 80, ASCII)
    assert plain(lines, 80).isascii()
    assert plain(lines, 80) == shown


def test_every_event_of_a_failure(width: int, shown: SnapshotAssertion) -> None:
    failure = FAILURES["loss"]
    assert plain(trace(failure.history, failure.finding), 120) == shown


@pytest.mark.parametrize("name", ENDS)
def test_the_end_of_a_run(name: str, width: int, shown: SnapshotAssertion) -> None:
    assert plain(end_of(ENDS[name], width), width) == shown


def test_the_end_of_a_run_in_colour(shown: SnapshotAssertion) -> None:
    assert coloured(end_of(ENDS["with-failures"], 80), 80) == shown


def test_a_plan_of_many_connections(width: int, shown: SnapshotAssertion) -> None:
    assert plain(draw(scene_of(samples.crowd()), width, UNICODE), width) == shown
