"""The end of a run: what was exercised, what that leaves open, why it stopped, and how to repeat each failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.text import Text

from fuzzer.campaign.options import Result
from fuzzer.campaign.tally import Tally
from fuzzer.report.glyphs import UNICODE, Glyphs, shown
from fuzzer.report.layout import columns, plural, wrapped
from fuzzer.report.matrix import matrix
from fuzzer.report.warnings import nothing_was_exercised
from fuzzer.values import Value


class Told(Value):
    """One failure as the summary has it; ``also``: line and command of each that was taken for it."""

    line: str
    command: str = ""
    also: tuple[tuple[str, str], ...] = ()


class Closing(Value):
    """What the summary adds to the result: ``names`` of invariants, failures, files."""

    names: dict[str, str] = {}
    failures: tuple[Told, ...] = ()
    warnings: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()


def summarise(result: Result, closing: Closing, width: int = 80, glyphs: Glyphs = UNICODE) -> Iterator[Text]:
    """The whole summary; its last line is the verdict."""
    yield _heading("SUMMARY", width, glyphs)
    yield from _exercise(result, width)
    yield from matrix(result.totals.exercise.pairs, width)
    yield from _obligations(result.totals.exercise, closing.names, width)
    yield from _list("Warnings", closing.warnings, width, glyphs.evidence, "yellow")
    yield from _failures(closing, width, glyphs)
    yield from _ending(result, closing, width)
    yield verdict_line(result)


def verdict_line(result: Result) -> Text:
    """``2 failures in 31.0 s``."""
    took = f"in {result.totals.seconds:.1f} s, {plural(result.totals.plans, 'plan')}"
    early = {"interrupted": ", interrupted", "server-unavailable": ", server unavailable"}.get(result.stop_reason, "")
    early += f", {plural(len(result.left_out), 'plan')} left out" if result.left_out else ""
    if result.failures:
        return Text(f"{plural(len(result.failures), 'failure')} {took}{early}", style="bold red")
    nothing = nothing_was_exercised(result)
    if nothing:
        return Text(f"nothing was proved ({nothing}) {took}{early}", style="bold yellow")
    return Text(f"no failures {took}{early}", style="bold yellow" if early else "bold green")


def _exercise(result: Result, width: int) -> Iterator[Text]:
    totals, tally = result.totals, result.totals.exercise
    rate = f" ({totals.plans / totals.seconds:.0f}/s)" if totals.seconds else ""
    more = totals.executions - totals.plans
    extra = f", and {plural(more, 'run')} for shrinking and replay" if more > 0 else ""
    yield from wrapped(
        "  Plans       ", f"{totals.plans}{rate}, {plural(totals.scenarios, 'scenario')} among them{extra}", width
    )
    yield from wrapped("  Ops         ", counts(tally.ops), width)
    yield from wrapped("  Openings    ", counts(tally.opens), width)
    yield from wrapped("  Deliveries  ", str(tally.deliveries), width)
    yield from wrapped("  At limit    ", _times(tally.at_limit), width)
    if totals.restarts:
        yield from wrapped("  Restarts    ", f"{_times(totals.restarts)}, after damage or for a fresh server", width)
    for head, table in (("Skipped", tally.skips), ("Broken off", tally.aborts), ("Undecided", tally.inconclusive)):
        if table:
            yield from wrapped(f"  {head:<12}", counts(table), width)


def _obligations(tally: Tally, names: Mapping[str, str], width: int) -> Iterator[Text]:
    if not tally.obligations:
        return
    checked = {code: number for code, number in tally.obligations.items() if number}
    empty = [code for code, number in tally.obligations.items() if not number]
    titles = {code: f"{code} {names.get(code, '')}".strip() for code in tally.obligations}
    said = [(titles[code], str(number)) for code, number in sorted(checked.items())]
    yield from columns("  Checked     ", said or [("nothing", "")], width)
    if empty:
        yield from wrapped("  Unchecked   ", ", ".join(titles[code] for code in sorted(empty)), width, "yellow")


def _failures(closing: Closing, width: int, glyphs: Glyphs) -> Iterator[Text]:
    if closing.failures:
        yield Text("  Failures", style="bold")
    for told in closing.failures:
        yield Text(f"    {glyphs.broken} {told.line}", style="red")
        if told.command:
            yield Text(f"      {told.command}")
        for line, command in told.also:
            yield from wrapped("      ", line, width)
            if command:
                yield Text(f"        {command}")


def _ending(result: Result, closing: Closing, width: int) -> Iterator[Text]:
    yield from _list("Reports", closing.reports, width, glyph="", style="")
    yield from wrapped("  Stopped     ", shown(result.why or result.stop_reason), width)
    yield Text.assemble(("  Seed        ", "bold"), str(result.seed))


def _list(head: str, lines: Iterable[str], width: int, glyph: str, style: str) -> Iterator[Text]:
    lines = list(lines)
    if lines:
        yield Text(f"  {head}", style="bold")
    for line in lines:
        yield from wrapped(f"    {glyph} " if glyph else "    ", shown(line, 300), width, style, style)


def counts(table: Mapping[str, int]) -> str:
    """``20 send, 12 open``, the most frequent first."""
    items = sorted(table.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number} {shown(key, 60)}" for key, number in items) or "none"


def _times(number: int) -> str:
    """``never``, ``once``, ``3 times``."""
    return {0: "never", 1: "once"}.get(number, f"{number} times")


def _heading(title: str, width: int, glyphs: Glyphs) -> Text:
    side = glyphs.rule * max(2, (width - len(title) - 2) // 2)
    return Text(f"{side} {title} {side}"[:width], style="bold")
