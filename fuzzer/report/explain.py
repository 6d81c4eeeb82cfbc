"""Invariants and seeded bugs explained, from the registries that define them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from fuzzer.report.glyphs import UNICODE, Glyphs
from fuzzer.report.lanes import draw
from fuzzer.report.layout import table, wrapped
from fuzzer.report.scene import scene_of

if TYPE_CHECKING:
    from fuzzer.hub.bugs import SeededBug
    from fuzzer.invariants.registry import Invariant


def overview(invariants: Iterable[Invariant], width: int) -> list[Text]:
    """All invariants, one a row."""
    rows = [(i.code, i.name, i.meaning) for i in invariants]
    return [*table(("code", "name", "convicts when this does not hold"), rows, width)]


def explanation(invariant: Invariant, width: int) -> Iterator[Text]:
    """One invariant in full."""
    yield Text.assemble((invariant.code, "bold red"), "  ", (invariant.name, "bold"), f"  ({invariant.family})")
    yield Text()
    yield from wrapped("  Meaning    ", invariant.meaning, width)
    yield from wrapped("  Relies on  ", invariant.relies_on, width)
    yield from wrapped(
        "  Silenced   ", f"by {invariant.dial} in the target file" if invariant.dial else "by nothing", width
    )
    for number, url in enumerate(invariant.reports):
        yield Text.assemble(("  Seen in    " if number == 0 else " " * 13, "bold"), url)


def bug_overview(bugs: Iterable[SeededBug], width: int) -> list[Text]:
    """All seeded bugs, one a row."""
    rows = [(b.code, b.title, " ".join(b.family)) for b in bugs]
    return [*table(("code", "seeded bug", "convicted by"), rows, width)]


def bug_explanation(bug: SeededBug, width: int, glyphs: Glyphs = UNICODE) -> Iterator[Text]:
    """One seeded bug: what it is, who convicts it, its least plan, and the real hubs that broke this way."""
    yield Text.assemble((bug.code, "bold red"), "  ", (bug.title, "bold"))
    yield Text()
    yield from wrapped("  Convicted by  ", ", ".join(bug.family), width)
    yield from wrapped("  Least plan    ", f"{bug.least.size()} ops, and what follows every plan", width)
    yield from draw(scene_of(bug.least), width, glyphs)
    yield Text()
    for number, url in enumerate(bug.reports):
        yield Text.assemble(("  Seen in       " if number == 0 else " " * 16, "bold"), url)
    yield Text.assemble(("  Try           ", "bold"), f"hubfuzz run --bug {bug.code}")
