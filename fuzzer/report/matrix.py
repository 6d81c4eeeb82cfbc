"""Racing pairs as a triangle: which kinds of op met on one user or in one room, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

CELL = 6
SHORT = {
    "abandon": "aband",
    "subscribe": "sub",
    "unsubscribe": "unsub",
    "malformed": "malf",
    "reopen": "reopn",
    "resume": "resum",
}
# The order in which connections live: labels of pairs name the earlier one first.
ORDER = ("abandon", "open", "reopen", "subscribe", "unsubscribe", "send", "stall", "resume", "mute", "malformed")
ENDS = ("close", "drop")


def matrix(pairs: Mapping[str, int], width: int) -> Iterator[Text]:
    """Rows and columns are the kinds that met anything; a list where they do not fit side by side."""
    kinds = [kind for kind in (*ORDER, *ENDS) if any(kind in label.split("|") for label in pairs)]
    if not kinds:
        yield Text.assemble(("  Racing      ", "bold"), "no two ops ever met on one user")
        return
    yield Text("  Racing pairs on one user or in one room", style="bold")
    if 4 + CELL * (len(kinds) + 1) > width:
        yield from (Text(f"    {label:<22}{number}") for label, number in sorted(pairs.items()))
        return
    yield Text(" " * (4 + CELL) + "".join(f"{_short(kind):>{CELL}}" for kind in kinds), style="dim")
    for place, row in enumerate(kinds):
        cells = (_cell(pairs, row, column) for column in kinds[: place + 1])
        yield Text.assemble((f"    {_short(row):<{CELL}}", "dim"), "".join(cells))


def _cell(pairs: Mapping[str, int], row: str, column: str) -> str:
    number = pairs.get(f"{column}|{row}", 0) or pairs.get(f"{row}|{column}", 0)
    return f"{brief(number) if number else '.':>{CELL}}"


def brief(number: int) -> str:
    """At most five characters: ``999``, ``12k``, ``1.2M``."""
    if number < 10_000:
        return str(number)
    return f"{number / 1000:.0f}k" if number < 1_000_000 else f"{number / 1_000_000:.1f}M"


def _short(kind: str) -> str:
    return SHORT.get(kind, kind)
