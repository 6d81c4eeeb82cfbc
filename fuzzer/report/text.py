"""A failure as people read it: Given, When, Then, But; the evidence; the lanes; how often; how to repeat it.

The shape of the argument is Elle's: what was promised follows from named events, and one more event contradicts it.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from fuzzer.history import History, ServerExit, ServerLog
from fuzzer.plan import Plan
from fuzzer.report.event_words import event_sentence
from fuzzer.report.glyphs import UNICODE, Glyphs, shown
from fuzzer.report.lanes import draw
from fuzzer.report.layout import plural, wrapped
from fuzzer.report.scene import scene_of
from fuzzer.report.story import story_of
from fuzzer.values import Value
from fuzzer.verdict import Finding

MOST_EVIDENCE = 10


class Case(Value):
    """One failure, as much of it as a text needs; ``failed`` of ``runs`` repetitions failed again (0: not measured)."""

    finding: Finding
    plan: Plan
    history: History | None = None
    name: str = ""
    found_size: int | None = None
    failed: int = 0
    runs: int = 0
    note: str = ""
    command: str = ""


def describe(case: Case, width: int = 80, glyphs: Glyphs = UNICODE) -> list[Text]:
    """The whole text of a failure, as lines no wider than ``width`` where words allow it."""
    lines = [*_head(case, width), Text(), *_story(case, width), *_evidence(case, width), *_log(case), Text()]
    lines += draw(scene_of(case.plan, case.history, case.finding), width, glyphs)
    return [*lines, Text(), *_foot(case, width)]


def summary_line(case: Case) -> str:
    """One line: fingerprint, name, rate and size."""
    rate = f", {rate_words(case.failed, case.runs)}" if case.runs else ""
    return f"{case.finding.fingerprint} {case.name}{rate}, {_size(case)}"


def rate_words(failed: int, runs: int) -> str:
    """``fails 18/20``."""
    return f"fails {failed}/{runs}"


def trace(history: History, finding: Finding | None = None) -> Iterator[Text]:
    """Every event of a history, those that prove the finding in bold and marked; then what the server printed."""
    witness = frozenset(finding.witness) if finding else frozenset()
    for index, event in enumerate(history.events):
        mark = "*" if index in witness else " "
        line = f"{mark} #{index:<5} {event.t:9.4f} s  {event_sentence(event)}"
        yield Text(line, style="bold" if index in witness else "")
    if history.log:
        yield Text("  The server's log, the end", style="bold")
    yield from (Text(f"    {shown(line)}", style="dim") for line in history.log)


def _head(case: Case, width: int) -> Iterator[Text]:
    finding = case.finding
    yield Text.assemble((finding.fingerprint, "bold red"), "  ", (case.name, "bold"))
    rate = f"{rate_words(case.failed, case.runs)}, " if case.runs else ""
    yield from wrapped("  ", f"{rate}{_size(case)}" + (f"; {shown(case.note)}" if case.note else ""), width, "dim")
    yield from wrapped("  ", shown(finding.summary, 400), width)


def _size(case: Case) -> str:
    size = case.plan.size()
    found = "" if case.found_size in (None, size) else f" (shrunk from {case.found_size})"
    return f"{plural(size, 'op')}{found}"


def _story(case: Case, width: int) -> Iterator[Text]:
    story = story_of(case.plan, case.finding)
    yield from _clauses("  Given ", story.given, width)
    yield from _clauses("   When ", story.when, width)
    yield from wrapped("   Then ", story.then, width, "", "green")
    yield from wrapped("    But ", story.but, width, "", "red")


def _clauses(head: str, clauses: tuple[str, ...], width: int) -> Iterator[Text]:
    for number, clause in enumerate(clauses):
        yield from wrapped(head if number == 0 else " " * len(head), clause, width)


def _evidence(case: Case, width: int) -> Iterator[Text]:
    if case.history is None:
        return
    events = case.history.events
    witness = [i for i in sorted(set(case.finding.witness)) if 0 <= i < len(events)]
    if not witness:
        return
    yield Text()
    yield Text("  Evidence", style="bold")
    for index in witness[:MOST_EVIDENCE]:
        event = events[index]
        yield from wrapped(f"  #{index:<4} {event.t:8.3f} s  ", event_sentence(event), width)
    if len(witness) > MOST_EVIDENCE:
        yield Text(f"  and {len(witness) - MOST_EVIDENCE} more events")


def _log(case: Case) -> Iterator[Text]:
    """What the server said last, if that is what the failure is about."""
    events = case.history.events if case.history else ()
    told = [events[i] for i in case.finding.witness if 0 <= i < len(events)]
    lines = next((e.tail for e in told if isinstance(e, ServerLog | ServerExit) and e.tail), "").splitlines()
    if lines:
        yield Text()
        yield Text("  Server log, the end", style="bold")
    yield from (Text(f"    {shown(line)}", style="dim") for line in lines)


def _silenced(finding: Finding) -> str:
    if finding.dial:
        return f"by {shown(finding.dial)} in the target file, if that is what your hub promises"
    return f"by no dial; --skip {finding.code} leaves it unjudged"


def _foot(case: Case, width: int) -> Iterator[Text]:
    yield from wrapped("  Silenced   ", _silenced(case.finding), width)
    yield from wrapped("  Meaning    ", f"hubfuzz explain {case.finding.code}", width)
    if case.command:
        yield Text(f"  Reproduce  {case.command}", style="bold")
