"""Paragraphs, tables and the matrix: never wider than the terminal, and nothing lost."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from fuzzer.report.layout import columns, folded, plural, table, wrapped
from fuzzer.report.matrix import brief, matrix
from strategies.pairs import KINDS, label

TEXT = (
    "every word of this text is here, also https://example.org/a/very/long/address/that/fits/nowhere and 東京タワー" * 2
)


@pytest.mark.parametrize("width", [24, 40, 80, 120])
def test_paragraphs_are_as_wide_as_they_may_be_and_lose_nothing(width: int) -> None:
    lines = folded(TEXT, width)
    assert all(0 < cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(TEXT.split())
    heads = [line.plain for line in wrapped("  Head  ", TEXT, width)]
    assert heads[0].startswith("  Head  every")
    assert all(line.startswith(" " * 8) for line in heads[1:])
    assert all(cell_len(line) <= max(width, 8 + 24) for line in heads)


def test_an_empty_paragraph_is_one_line() -> None:
    assert folded("", 40) == [""]
    assert [line.plain for line in wrapped("  Head  ", "", 40)] == ["  Head  "]


def test_tables_wrap_their_last_column() -> None:
    lines = [line.plain for line in table(("code", "meaning"), [("HF1", "short"), ("HF22", TEXT)], 60)]
    assert lines[0] == "code  meaning"
    assert lines[1] == "HF1   short"
    assert all(cell_len(line) <= 60 for line in lines)
    assert all(line.startswith(" " * 6) for line in lines[3:])


def test_columns_stand_below_each_other() -> None:
    items = [("HF101 delivery", "20260"), ("HF201 limit-exceeded", "4"), ("HF501 liveness", "300")]
    assert [line.plain for line in columns("  Checked  ", items, 70)] == [
        "  Checked  HF101 delivery       20260  HF201 limit-exceeded     4",
        "           HF501 liveness         300",
    ]
    assert len(list(columns("  Checked  ", items, 30))) == 3


@pytest.mark.parametrize(("number", "said"), [(0, "0 ops"), (1, "1 op"), (2, "2 ops")])
def test_plurals(number: int, said: str) -> None:
    assert plural(number, "op") == said


def pairs_of(kinds: tuple[str, ...]) -> dict[str, int]:
    return {label(one, other): 7 * i + j + 1 for i, one in enumerate(kinds) for j, other in enumerate(kinds[: i + 1])}


def test_the_matrix_is_a_triangle_with_every_number() -> None:
    pairs = {"open|open": 145, "open|send": 17, "send|drop": 10_000}
    assert [line.plain for line in matrix(pairs, 80)] == [
        "  Racing pairs on one user or in one room",
        "            open  send  drop",
        "    open     145",
        "    send      17     .",
        "    drop       .   10k     .",
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_matrix_of_all_kinds_fits_any_terminal(width: int) -> None:
    pairs = pairs_of(KINDS)
    lines = [line.plain for line in matrix(pairs, width)]
    assert all(cell_len(line) <= width for line in lines)
    numbers = " ".join(lines).replace(",", " ").split()
    assert all(str(number) in numbers for number in pairs.values())


def test_kinds_that_the_matrix_does_not_know_are_shown_all_the_same() -> None:
    lines = [line.plain for line in matrix({"open|teleport": 3}, 80)]
    assert lines[1:] == ["            open telep", "    open       .", "    telep      3     ."]


def test_a_matrix_of_nothing_says_so() -> None:
    (line,) = matrix({"open|open": 0}, 80)
    assert line.plain == "  Racing      no two ops ever met on one user"


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0"), (9999, "9999"), (10_000, "10k"), (999_499, "999k"), (999_500, "1.0M"), (1_250_000, "1.2M")],
)
def test_big_numbers_are_brief(number: int, said: str) -> None:
    assert brief(number) == said
    assert len(said) <= 4
