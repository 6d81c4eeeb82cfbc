"""The step summary: well-formed whatever names hold, and it says all that a reader needs."""

from __future__ import annotations

import hard_failures
import pytest
import samples
from markdown_it import MarkdownIt
from markdown_it.token import Token

from fuzzer.exit_codes import ExitCode
from fuzzer.report import markdown
from fuzzer.report.glyphs import shown
from fuzzer.report.markdown import block, code, markdown_report, text

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HARMLESS = {"<code>", "</code>", "<!-- -->"}


def inline(words: str) -> list[Token]:
    (paragraph,) = [token for token in READER.parse(words) if token.type == "inline"]
    return paragraph.children or []


def read(words: str) -> str:
    return "".join(token.content for token in inline(words) if token.type == "text")


@pytest.mark.parametrize("name", [*hard_failures.NAMES, "~x~ `a` **b** [a](b) <http://a.b> :smile: \\| a_b_c"])
def test_any_text_is_read_as_itself(name: str) -> None:
    for said in (text(f"x {name}"), code(f"x {name}")):
        assert read(said) == shown(f"x {name}").rstrip()
        tokens = inline(said)
        assert {token.type for token in tokens} <= {"text", "html_inline"}
        assert {token.content for token in tokens if token.type == "html_inline"} <= HARMLESS


def test_nobody_is_mentioned_and_nothing_linked() -> None:
    said = text("@octocat #12 www.example.org http://example.org a@b.org")
    for link in ("@octocat", "#12", "www.example", "http://", "@b"):
        assert link not in said


def test_the_fence_of_a_block_is_longer_than_any_in_it() -> None:
    said = block("a\n````\nb", "sh")
    assert [token.content for token in READER.parse(said) if token.type == "fence"] == ["a\n````\nb\n"]


def rows(said: str) -> list[list[str]]:
    tokens = READER.parse(said)
    cells = [
        ("|" if tokens[at - 1].type == "tr_open" or tokens[at - 2].type == "tr_open" else "", token.content)
        for at, token in enumerate(tokens)
        if token.type == "inline" and tokens[at - 1].type in ("td_open", "th_open")
    ]
    table: list[list[str]] = []
    for first, content in cells:
        table += [[content]] if first else []
        table[-1] += [] if first else [content]
    return table


def test_the_summary_of_a_run_with_failures() -> None:
    said = markdown_report(samples.with_failures(), hard_failures.info(warnings=("slow",)))
    table = rows(said)
    assert table[0] == ["Failure", "What is wrong", "Fails", "Ops", "Repeat it"]
    assert [row[2] for row in table[1:3]] == ["20/20", "18/20"]
    assert "hubfuzz replay .hubfuzz/failures/HF201-3461cc.json" in table[1][4]
    fences = [token.info for token in READER.parse(said) if token.type == "fence"]
    assert fences == ["mermaid", "sh", "mermaid", "sh"], "the second failure is stored nowhere; the last is the run"
    for words in ("Seed 4479498", "found 2 failures, the most that was asked for", "- slow", "**nothing to check**"):
        assert words in said


def test_the_summary_stays_well_formed_with_hostile_names() -> None:
    failure = hard_failures.hostile()
    result = samples.result("time", failure.finding.summary, failure, samples.loss())
    hostile_info = hard_failures.info(target=failure.finding.summary, warnings=(failure.finding.summary,))
    said = markdown_report(result, hostile_info)
    tokens = READER.parse(said)
    assert [len(row) for row in rows(said)[:3]] == [5, 5, 5]
    assert not [token for token in tokens if token.type == "html_block"]
    children = [child for token in tokens for child in token.children or []]
    assert {child.content for child in children if child.type == "html_inline"} <= HARMLESS
    assert not [child for child in children if child.type in ("link_open", "image", "em_open")]
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    assert [heading.split()[0] for heading in headings][-2:] == ["What", "Repeat"]


@pytest.mark.parametrize(
    ("code_", "sign"), [(ExitCode.CLEAN, "✅"), (ExitCode.ERROR, "⚠️"), (ExitCode.INTERRUPTED, "⚠️")]
)
def test_the_sign_is_that_of_the_exit_code(code_: ExitCode, sign: str) -> None:
    assert markdown_report(samples.clean(), hard_failures.info(code_)).startswith(f"## {sign} hubfuzz: ")


def test_too_long_a_summary_leaves_failures_out_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "MOST_BYTES", 2_200)
    said = markdown_report(samples.with_failures(), hard_failures.info())
    assert said.count("```mermaid") == 1
    assert "Left out: the summary would become too long." in said
    assert "### What was exercised" in said
