"""The strategies for parts of a plan: each gives what its name says, for others to import."""

from __future__ import annotations

import re
import unicodedata
from typing import get_args
from urllib.parse import unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzer.names import folded
from fuzzer.plan import AbandonKind, DropKind, Fill, MalformedKind, Separator, TokenKind
from fuzzer.policy import Names
from strategies import (
    abandons,
    bodies,
    bursts,
    close_codes,
    confusable_pairs,
    drops,
    fills,
    malformed_kinds,
    separators,
    sizes,
    token_kinds,
    user_names,
)
from strategies.choice import Draw
from strategies.swarm import FEATURES, Swarm, draw_swarm
from strategies.users import CONFUSIONS, DISTINCT, LONG, ODD, PLAIN, SEPARATORS, draw_names

STEADY = settings(max_examples=150, deadline=None, database=None, derandomize=True)


def values_of(strategy: st.SearchStrategy[object], examples: int = 600) -> set[object]:
    found: set[object] = set()

    @settings(STEADY, max_examples=examples)
    @given(strategy)
    def collect(value: object) -> None:
        found.add(value)

    collect()
    return found


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (drops(), get_args(DropKind)),
        (abandons(), get_args(AbandonKind)),
        (malformed_kinds(), get_args(MalformedKind)),
        (separators(), get_args(Separator)),
        (fills(), get_args(Fill)),
        (token_kinds(), get_args(TokenKind)),
        (bursts(), range(1, 9)),
        (close_codes(), (1000, 1001, 3000, 4000, 4999, 1005)),
    ],
)
def test_each_gives_all_its_kinds_and_no_others(strategy: st.SearchStrategy[object], expected: object) -> None:
    assert values_of(strategy) == set(expected)  # type: ignore[call-overload]


def test_tokens_of_a_hub_without_any_check_are_valid() -> None:
    assert values_of(token_kinds(("valid",))) == {"valid"}


def test_sizes_have_the_edges_of_frames_and_keep_to_the_largest() -> None:
    assert {0, 125, 126, 65_535} <= values_of(sizes())
    assert max(values_of(sizes(largest=100))) <= 100  # type: ignore[type-var, operator]


@STEADY
@given(bodies(largest=300))
def test_bodies_are_text_that_can_be_sent(body: str) -> None:
    assert len(body) <= 300
    assert body.encode().decode() == body


SAME = {
    "case": str.lower,
    "full case folding": str.casefold,
    "normal form": lambda name: unicodedata.normalize("NFC", name),
    "compatibility form": lambda name: unicodedata.normalize("NFKC", name),
    "trailing space": str.strip,
    "percent": unquote_plus,
    "plus": unquote_plus,
    "invisible": lambda name: "".join(char for char in name if unicodedata.category(char) != "Cf"),
    "number": lambda name: (name.rstrip("0123456789"), int(name[len(name.rstrip("0123456789")) :])),
    "cut": lambda name: name[:LONG],
    "prefix": lambda name: name[: len("ann")],
    "separator": lambda name: name.split(":")[0],
}


def test_every_confusion_has_a_reason() -> None:
    assert SAME.keys() == CONFUSIONS.keys()


@pytest.mark.parametrize("kind", CONFUSIONS)
def test_confusable_names_are_different_but_become_the_same(kind: str) -> None:
    one, other = CONFUSIONS[kind]("ann")
    assert one != other
    assert SAME[kind](one) == SAME[kind](other)  # type: ignore[operator]


@pytest.mark.parametrize("kind", CONFUSIONS)
def test_a_prefix_before_them_leaves_them_confusable(kind: str) -> None:
    one, other = (f"n1-{name}" for name in CONFUSIONS[kind]("ann"))
    assert one != other
    if kind not in ("prefix", "cut"):  # those depend on where the name begins
        assert SAME[kind](one) == SAME[kind](other)  # type: ignore[operator]


@STEADY
@given(confusable_pairs())
def test_pairs_are_two_names_that_can_be_sent(pair: tuple[str, str]) -> None:
    assert len(set(pair)) == 2
    assert all(name and name.encode() for name in pair)


def test_names_cover_the_families() -> None:
    found = values_of(user_names(), 1_500)
    assert set(ODD) <= found
    assert set(PLAIN) <= found
    assert all(any(separator in str(name) for name in found) for separator in SEPARATORS)
    assert all(name and "\x00" not in str(name) and "\n" not in str(name) for name in found)


def test_what_a_hub_may_fold() -> None:
    assert set(CONFUSIONS) - set(DISTINCT) == {
        "case", "full case folding", "normal form", "compatibility form", "trailing space", "invisible",
    }  # fmt: skip


@st.composite
def names_for(draw: st.DrawFn, users: tuple[str, ...], kept: Names = "exact") -> dict[str, str]:
    return draw_names(Draw(draw), users, kept)


@STEADY
@given(st.integers(0, 4).flatmap(lambda n: names_for(tuple(f"u{i}" for i in range(n)))))
def test_drawn_names_are_different_and_not_empty(names: dict[str, str]) -> None:
    assert len(set(names.values())) == len(names)
    assert all(names.values())


@STEADY
@given(st.integers(0, 4).flatmap(lambda n: names_for(tuple(f"u{i}" for i in range(n)), "folded")))
def test_drawn_names_stay_different_when_they_are_folded(names: dict[str, str]) -> None:
    assert len(set(map(folded, names.values()))) == len(names)


@STEADY
@given(st.integers(0, 4).flatmap(lambda n: names_for(tuple(f"u{i}" for i in range(n)), "plain")))
def test_plain_names_stay_what_they_are_when_a_hub_sanitises_them(names: dict[str, str]) -> None:
    real = [f"0a1b2cn17-{name}" for name in names.values()]
    slugs = [re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:30] for name in real]
    assert slugs == [name.lower() for name in real]
    assert len(set(slugs)) == len(names)


def test_plain_names_are_drawn_in_pairs_that_careless_code_takes_for_one() -> None:
    found = values_of(names_for(("u0", "u1"), "plain").map(lambda names: frozenset(names.values())), 300)
    assert {"bob", "bob1"} in found
    assert {"bob7", "bob07"} in found


def test_odd_names_are_drawn_also_for_hubs_that_fold() -> None:
    found = values_of(names_for(("u0", "u1"), "folded").map(lambda names: tuple(names.values())), 300)
    assert len(found) > 20


@st.composite
def swarms(draw: st.DrawFn) -> Swarm:
    return draw_swarm(Draw(draw))


def test_swarms_are_often_open_and_turn_off_each_feature() -> None:
    found = values_of(swarms())
    assert Swarm() in found
    offs = {feature for swarm in found for feature in swarm.off}  # type: ignore[attr-defined]
    assert offs == set(FEATURES)
    assert not Swarm(off=("big",)).has("big")
    assert Swarm(off=("big",)).has("burst")


@st.composite
def choices(draw: st.DrawFn) -> tuple[str, bool, tuple[int, ...]]:
    chooser = Draw(draw)
    weighted = chooser.weighted((("often", 9), ("seldom", 1)))
    return weighted, chooser.percent(20), tuple(chooser.some((1, 2, 3), 2))


def test_choosing() -> None:
    found = values_of(choices())
    assert {weighted for weighted, _, _ in found} == {"often", "seldom"}  # type: ignore[misc, attr-defined]
    assert {chance for _, chance, _ in found} == {True, False}  # type: ignore[misc, attr-defined]
    assert all(len(set(some)) == 2 for _, _, some in found)  # type: ignore[misc, attr-defined]
