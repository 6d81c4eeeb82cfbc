"""User names: plain ones, ones that servers mistake for each other, and ones that break naive keys and URLs.

A registry keyed by ``lower()``, by a normalised or a cut name, or by ``f"{user}:{room}"`` gives one user another's
messages. The names of a plan are given per user symbol; the executor puts its own prefix before them. Hubs that
sanitise names (``policy.names = "plain"``) get only those that nothing can be taken out of.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzzer.names import folded
from fuzzer.policy import Names
from strategies.choice import Draw

LONG: Final = 200

PLAIN: Final = ("ann", "bob", "user-1", "carol.smith", "u_7")
SEPARATORS: Final = (":", "/", "#", ",", " ", ".", "%", "|", "*", "+", "&", "?", "=", ";", "@", "\\", "'", '"', "%2F")
ODD: Final = (
    " ann",
    "ann ",
    "1",
    "0",
    "-1",
    "1e3",
    "null",
    "None",
    "undefined",
    "true",
    "__proto__",
    "constructor",
    "..",
    "../ann",
    "%00",
    "*",
    "$SYS/ann",
    "'; --",
    "{user}",
    "{}",
    "😀",
    "👩\u200d👩\u200d👧",
    "שלום",
    "\u202eann",
    "ﬀ",
    "İ",
    "ß",
    "x" * LONG,
    "é" * LONG,
)

# Each makes two different names that careless code takes for one, or for parts of each other.
CONFUSIONS: Final[dict[str, Callable[[str], tuple[str, str]]]] = {
    "case": lambda name: (name + "Z", name + "z"),
    "full case folding": lambda name: (name + "ß", name + "ss"),
    "normal form": lambda name: (name + "é", unicodedata.normalize("NFD", name + "é")),
    "compatibility form": lambda name: (name + "ﬁ", name + "fi"),
    "prefix": lambda name: (name, name + "1"),
    "separator": lambda name: (name + ":r0", name),
    "trailing space": lambda name: (name, name + " "),
    "percent": lambda name: (name + "%41", name + "A"),
    "plus": lambda name: (name + "+x", name + " x"),
    "invisible": lambda name: (name, name + "\u200b"),
    "number": lambda name: (name + "7", name + "07"),
    "cut": lambda name: (name + "x" * LONG, name + "x" * LONG + "y"),
}
DISTINCT: Final = tuple(kind for kind, pair in CONFUSIONS.items() if len(set(map(folded, pair("ann")))) == 2)
"""Those that no hub may make, however it folds names."""
UNTOUCHED: Final = re.compile("[A-Za-z0-9][A-Za-z0-9-]{0,15}")
"""What is left as it is by hubs that take out of names what they do not like, or cut them."""


def untouched(*names: str) -> bool:
    """Is none of these changed by a hub that sanitises names?"""
    return all(map(UNTOUCHED.fullmatch, names))


PLAIN_ODD: Final = tuple(filter(untouched, (*ODD, *PLAIN)))
"""Odd to code that takes names for numbers, values or keys, but for no sanitiser."""
_KINDS: Final[dict[Names, tuple[str, ...]]] = {
    "exact": tuple(CONFUSIONS),
    "folded": DISTINCT,
    "plain": tuple(kind for kind in DISTINCT if untouched(*CONFUSIONS[kind]("ann"))),
}


def user_names() -> SearchStrategy[str]:
    """Names of one user: plain, odd, or with a separator in it."""
    joined = st.tuples(st.sampled_from(PLAIN), st.sampled_from(SEPARATORS), st.sampled_from(PLAIN)).map("".join)
    return st.one_of(st.sampled_from(PLAIN), st.sampled_from(ODD), joined)


def confusable_pairs() -> SearchStrategy[tuple[str, str]]:
    """Two different names that must stay two users."""
    return st.builds(_confuse, st.sampled_from(tuple(CONFUSIONS)), st.sampled_from(PLAIN), st.booleans())


def draw_names(draw: Draw, users: tuple[str, ...], kept: Names = "exact") -> dict[str, str]:
    """Real names for the user symbols of a plan: a confusable pair for the first two, odd ones for the rest.

    ``kept``: how the hub keeps names (``policy.names``); none are drawn that it may take for one.
    """
    names = dict.fromkeys(users, "")
    bases = tuple(filter(untouched, PLAIN)) if kept == "plain" else PLAIN
    pair = _confuse(draw.one(_KINDS[kept]), draw.one(bases), draw.percent(50))
    names.update(zip(users, pair if len(users) > 1 else (_odd(draw, kept),), strict=False))
    for user in users[2:]:
        names[user] = _odd(draw, kept)
    different = {name if kept == "exact" else folded(name) for name in names.values()}
    return names if len(different) == len(names) else {}


def _odd(draw: Draw, kept: Names) -> str:
    if kept == "plain":
        return draw.one(PLAIN_ODD)
    return draw.one(ODD) if draw.percent(60) else draw.one(PLAIN) + draw.one(SEPARATORS) + draw.one(PLAIN)


def _confuse(kind: str, name: str, swapped: bool) -> tuple[str, str]:
    one, other = CONFUSIONS[kind](name)
    return (other, one) if swapped else (one, other)
