"""Filler: exact lengths, encodable at every cut, and no wider than it says."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from fuzzer.payload import PLAIN, difference, filler, is_plain, plain_fills, widest
from fuzzer.plan import Fill

FILLS = get_args(Fill)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("size", [0, 1, 2, 35, 36, 37, 125, 126, 200, 65_535, 100_000])
def test_exact_length(fill: Fill, size: int) -> None:
    assert len(filler(size, fill)) == size


@pytest.mark.parametrize("fill", FILLS)
def test_every_cut_survives_utf8_and_json(fill: Fill) -> None:
    for size in range(80):
        text = filler(size, fill)
        assert text.encode().decode() == text
        assert json.loads(json.dumps(text)) == text
        assert json.loads(json.dumps(text, ensure_ascii=False)) == text


@pytest.mark.parametrize("fill", FILLS)
def test_widest_bounds_the_wire(fill: Fill) -> None:
    for size in (1, 7, 50, 1_000):
        text = filler(size, fill)
        assert len(json.dumps(text)) - 2 <= size * widest(fill)
        assert len(json.dumps(text, ensure_ascii=False).encode()) - 2 <= size * widest(fill)


def test_the_fills_are_what_they_say() -> None:
    assert filler(50, "ascii").isascii()
    assert max(len(char.encode()) for char in filler(50, "unicode")) == 4
    assert {'"', "\\", "\n", "\u0001"} <= set(filler(50, "escapes"))
    assert "</script>" in filler(100, "markup")


def test_plain_text_holds_nothing_that_a_format_takes_for_syntax() -> None:
    assert not PLAIN & set("\"'`\\<>&{}\n\t\x7f\xa0é")
    assert all(char.isascii() and char.isprintable() for char in PLAIN)
    assert plain_fills() == ("ascii",)
    assert [is_plain(size, "unicode") for size in (0, 1, 2)] == [True, True, False]
    assert not is_plain(100_000, "markup")


def test_a_negative_size_is_one_clear_line() -> None:
    with pytest.raises(ValueError, match=r"size of a filler is -1; it must be 0 or more"):
        filler(-1)


@pytest.mark.parametrize(
    ("sent", "got", "said"),
    [
        ("same", "same", ""),
        ("a  ", "a", "sent 'a  ', got 'a', from character 2 on"),
        ("a", "", "sent 'a', got '', from character 1 on"),
        ("abc", "abXc", "sent 'abc', got 'abXc', from character 3 on"),
        ("e\u0301", "\u00e9", "sent 'e\\u0301', got '\\xe9', from character 1 on"),
        ("ab", "a\ud800", "sent 'ab', got 'a\\ud800', from character 2 on"),
        (
            "a" * 50 + "<" + "b" * 50,
            "a" * 50 + "&lt;" + "b" * 50,
            f"sent ...'{'a' * 12}<{'b' * 27}'..., got ...'{'a' * 12}&lt;{'b' * 24}'..., from character 51 on",
        ),
    ],
)
def test_a_difference_shows_its_place_and_what_stands_there(sent: str, got: str, said: str) -> None:
    assert difference(sent, got) == said
