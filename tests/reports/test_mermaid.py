"""Diagrams: one statement a line of the few kinds that are used, and nothing from outside that is syntax."""

from __future__ import annotations

import html
import re

import hard_failures
import pytest
import samples

from fuzzer.campaign.failure import Failure
from fuzzer.plan import Batch, Open, Plan, Send
from fuzzer.report.mermaid import MOST_STEPS, escaped, mermaid

TEXT = r"(?:[\w .,()=+\-/']|#\d+;)*"
LINES = (
    r"sequenceDiagram",
    rf"    participant (p\d+|hub) as {TEXT}",
    rf"    Note over (hub|p\d+,hub): {TEXT}",
    rf"    (p\d+(->>|-x)hub|hub(-->>|--x)p\d+): {TEXT}",
)
FAILURES = (samples.limit, samples.loss, samples.crash, samples.crowded, hard_failures.hostile, hard_failures.long)


def drawn(failure: Failure) -> str:
    return mermaid(failure.plan, failure.history, failure.finding)


def read(line: str) -> str:
    """As Mermaid shows it."""
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", line))


@pytest.mark.parametrize("make", FAILURES, ids=lambda make: make.__name__)
def test_every_line_is_a_statement(make: type[Failure]) -> None:
    diagram = drawn(make())
    for line in diagram.splitlines():
        assert any(re.fullmatch(pattern, line) for pattern in LINES), line
        assert not re.search(r"\bend\b", line), "it would end a block"
    assert len(diagram) < 50_000
    assert len(diagram.splitlines()) < 250


def test_the_plan_and_what_is_wrong_are_there() -> None:
    lines = read(drawn(samples.loss())).splitlines()
    assert "    participant p0 as a (u0)" in lines
    assert "    Note over p0,hub: batch 4, when quiet: 2 ops in the same instant" in lines
    assert "    p1->>hub: send m0 20 B" in [line.replace("* ", "") for line in lines]
    assert "    p0-xhub: drop reset" in lines
    assert "    hub--xp2: ✗ m0 missing" in lines


def test_text_from_outside_is_inert() -> None:
    said = escaped("a; b #35; %% ``` <b> : end\n\u202e")
    assert re.fullmatch(TEXT, said)
    assert not re.search(r"\bend\b", said)
    assert read(said) == "a; b #35; %% ``` <b> : end\\n\\u202e"


def test_a_long_plan_loses_its_middle_and_says_so() -> None:
    sends = tuple(Batch((Send("a", f"m{number}"),)) for number in range(200))
    lines = mermaid(Plan((Batch((Open("a", "u0"),)), *sends))).splitlines()
    assert len(lines) == 1 + 2 + MOST_STEPS + 1
    assert "steps are left out here" in "\n".join(lines)
    assert lines[-1].endswith("send m199")


def test_an_empty_plan() -> None:
    assert mermaid(Plan(())) == "sequenceDiagram\n    participant hub as hub\n"
