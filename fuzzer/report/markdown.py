"""The summary of a run as Markdown, for the step summary of a job: failures, diagrams, what was exercised.

Text from outside is written so that neither Markdown nor HTML nor GitHub's own links and mentions read anything in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.options import Result
from fuzzer.invariants import INVARIANTS
from fuzzer.report.also import Also, also_of
from fuzzer.report.case import command_for, with_seed
from fuzzer.report.glyphs import shown
from fuzzer.report.json_report import RunInfo
from fuzzer.report.layout import plural
from fuzzer.report.mermaid import mermaid
from fuzzer.report.story import Story, story_of
from fuzzer.report.summary import counts, verdict_line

MOST_BYTES = 900_000  # GitHub takes 1 MiB for a step summary, and shows nothing at all of a longer one
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;()'/=+-%?\"")


def markdown_report(result: Result, info: RunInfo) -> str:
    """The whole summary; later failures go without their diagram where it would become too long."""
    lines = [*_head(result, info), *_table(result, info)]
    left = MOST_BYTES - len("\n".join(lines).encode())
    for failure in result.failures:
        section = "\n".join(_failure(failure, result, info))
        left -= len(section.encode())
        lines.append(section if left > 0 else _without_room(failure))
    lines += [*_warnings(info.warnings), *_exercised(result), *_repeat(result, info)]
    return "\n".join(lines) + "\n"


def text(words: str, limit: int = 300) -> str:
    """Inert text within a line."""
    inert = "".join(c if c in _PLAIN or ord(c) > 127 else _entity(c) for c in shown(words, limit))
    return inert.replace("www.", "www.<!-- -->")


def code(words: str, limit: int = 300) -> str:
    """Inert text in the type of code; entities, because a backtick in it would end a span of backticks."""
    return f"<code>{text(words, limit)}</code>"


def block(words: str, language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in _runs(words)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{words.rstrip()}\n{fence}\n"


def _entity(char: str) -> str:
    """A comment after ``@`` and ``#`` keeps GitHub from making a mention or an issue of what follows."""
    return f"&#{ord(char)};" + ("<!-- -->" if char in "@#" else "")


def _runs(words: str) -> Iterable[str]:
    return "".join(c if c == "`" else " " for c in words).split()


def _head(result: Result, info: RunInfo) -> Iterator[str]:
    sign = {0: "✅", 1: "❌"}.get(int(info.exit_code), "⚠️")
    yield f"## {sign} hubfuzz: {text(verdict_line(result).plain)}\n"
    target = f"Target {code(info.target, 80)}. " if info.target else ""
    yield f"{target}Seed {result.seed}. Stopped: {text(result.why or result.stop_reason)}.\n"


def _table(result: Result, info: RunInfo) -> Iterator[str]:
    if not result.failures:
        return
    yield "| Failure | What is wrong | Fails | Ops | Repeat it |\n| --- | --- | --- | --- | --- |"
    for failure in result.failures:
        rate = str(failure.rate) if failure.rate else "not measured"
        command = command_for(info.paths.get(failure.fingerprint, ""))
        cells = (
            f"**{text(failure.fingerprint)}** {text(failure.name)}",
            text(failure.finding.summary),
            rate,
            str(failure.plan.size()),
            code(command) if command else "stored nowhere",
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _failure(failure: Failure, result: Result, info: RunInfo) -> Iterator[str]:
    path = info.paths.get(failure.fingerprint, "")
    yield f"### {text(failure.fingerprint)} {text(failure.name)}\n"
    yield f"{_size(failure)}{text(failure.finding.summary)}\n"
    yield from _story(story_of(failure.plan, failure.finding))
    if failure.finding.dial:
        yield f"- Silenced by {code(failure.finding.dial)} in the target file, if that is what your hub promises"
    yield from (f"- {text(_capital(str(also)))}{_command(also)}" for also in also_of(failure, result.also, info.paths))
    yield "\n" + block(mermaid(failure.plan, failure.history, failure.finding), "mermaid")
    if path:
        yield block(command_for(path), "sh")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _command(also: Also) -> str:
    return f"; {code(also.reproduce)}" if also.reproduce else ""


def _size(failure: Failure) -> str:
    rate = f"fails {failure.rate}, " if failure.rate else ""
    return f"**{rate}{plural(failure.plan.size(), 'op')}, shrunk from {failure.original.size()}.** "


def _story(story: Story) -> Iterator[str]:
    yield from (f"- **Given** {text(clause)}" for clause in story.given)
    yield from (f"- **When** {text(clause)}" for clause in story.when)
    yield f"- **Then** {text(story.then, 600)}"
    yield f"- **But** {text(story.but, 600)}"


def _without_room(failure: Failure) -> str:
    return f"### {text(failure.fingerprint)} {text(failure.name)}\n\nLeft out: the summary would become too long.\n"


def _warnings(warnings: Sequence[str]) -> Iterator[str]:
    if warnings:
        yield "### Warnings\n"
        yield from (f"- {text(line)}" for line in warnings)
        yield ""


def _exercised(result: Result) -> Iterator[str]:
    totals, tally = result.totals, result.totals.exercise
    names = {invariant.code: invariant.name for invariant in INVARIANTS}
    yield "### What was exercised\n"
    yield f"- {plural(totals.plans, 'plan')} in {totals.seconds:.1f} s, {plural(totals.executions, 'run')} in all"
    yield f"- Ops: {text(counts(tally.ops))}"
    yield f"- Openings: {text(counts(tally.opens))}; deliveries: {tally.deliveries}; at the limit: {tally.at_limit}"
    yield "\n| Invariant | Checks |\n| --- | --- |"
    for invariant, number in sorted(tally.obligations.items()):
        yield f"| {text(invariant)} {text(names.get(invariant, ''))} | {number or '**nothing to check**'} |"
    yield ""


def _repeat(result: Result, info: RunInfo) -> Iterator[str]:
    yield "### Repeat this run\n"
    yield block(with_seed(info.command, result.seed), "sh")
