"""Racing pairs as a triangle: which kinds of op met on one user or in one room, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

from fuzzer.report.layout import wrapped

WIDE, NARROW = 6, 5
SHORT = {
    "abandon": "abnd",
    "reopen": "reop",
    "subscribe": "sub",
    "unsubscribe": "unsb",
    "malformed": "malf",
    "resume": "rsum",
    "stall": "stal",
    "finish": "fnsh",
    "query": "qury",
    "close": "clos",
}
# The order in which connections live: labels of pairs name the earlier one first.
ORDER = ("abandon", "open", "reopen", "subscribe", "unsubscribe", "send", "stall", "resume", "mute", "malformed")
ENDS = ("close", "drop")


def matrix(pairs: Mapping[str, int], width: int) -> Iterator[Text]:
    """Rows and columns are the kinds that met anything; a list where they do not fit side by side."""
    kinds = _kinds(pairs)
    if not kinds:
        yield Text.assemble(("  Racing      ", "bold"), "no two ops ever met on one user")
        return
    cell = next((cell for cell in (WIDE, NARROW) if 4 + cell * (len(kinds) + 1) <= width), 0)
    yield from _triangle(pairs, kinds, cell) if cell else _list(pairs, width)


def _kinds(pairs: Mapping[str, int]) -> list[str]:
    found = {kind for label, number in pairs.items() if number for kind in label.split("|")}
    known = (*ORDER, *sorted(found - {*ORDER, *ENDS}), *ENDS)
    return [kind for kind in known if kind in found]


def _triangle(pairs: Mapping[str, int], kinds: list[str], cell: int) -> Iterator[Text]:
    yield Text("  Racing pairs on one user or in one room", style="bold")
    yield Text(" " * (4 + cell) + "".join(f"{_short(kind, cell):>{cell}}" for kind in kinds), style="dim")
    for place, row in enumerate(kinds):
        numbers = (_number(pairs, row, column) for column in kinds[: place + 1])
        cells = "".join(f"{brief(n) if n else '.':>{cell}}" for n in numbers)
        yield Text.assemble((f"    {_short(row, cell):<{cell}}", "dim"), cells)


def _list(pairs: Mapping[str, int], width: int) -> Iterator[Text]:
    most_first = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    said = ", ".join(f"{label.replace('|', ' with ')} {brief(number)}" for label, number in most_first if number)
    yield from wrapped("  Racing      ", said, width)


def _number(pairs: Mapping[str, int], row: str, column: str) -> int:
    return pairs.get(f"{column}|{row}", 0) or pairs.get(f"{row}|{column}", 0)


def brief(number: int) -> str:
    """At most four characters below ten million: ``9999``, ``12k``, ``1.2M``."""
    if number < 10_000:
        return str(number)
    return f"{number / 1000:.0f}k" if number < 999_500 else f"{number / 1_000_000:.1f}M"


def _short(kind: str, cell: int) -> str:
    return kind if len(kind) < cell else SHORT.get(kind, kind[: cell - 1])
