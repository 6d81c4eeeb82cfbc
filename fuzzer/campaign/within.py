"""Is one plan within another: the same ops in the same order, by other names, with more around them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fuzzer.plan import Op, Plan

SMALL: Final = 6  # ops; larger ones are not the least of anything, and to look for them takes long
LARGE: Final = 24
NAMES: Final = ("conn", "user", "room")  # each stands for one name of the other plan, and no two for the same

Renaming = dict[tuple[str, str], str]


def within(smaller: Plan, larger: Plan) -> bool:
    """Sizes, bodies and kinds of faults may differ: they seldom make another bug."""
    if smaller.size() > SMALL or larger.size() > LARGE:
        return False
    return _fits(tuple(smaller.ops()), tuple(larger.ops()), {})


def _fits(inner: Sequence[Op], outer: Sequence[Op], names: Renaming) -> bool:
    """Some of ``outer``, in order, are all of ``inner`` with ``names`` and more of them."""
    if not inner:
        return True
    for place, op in enumerate(outer):
        renamed = _renamed(inner[0], op, names)
        if renamed is not None and _fits(inner[1:], outer[place + 1 :], renamed):
            return True
    return False


def _renamed(op: Op, other: Op, names: Renaming) -> Renaming | None:
    """The names with those that make ``other`` of ``op``; None if there are none."""
    if type(op) is not type(other):
        return None
    new = dict(names)
    for kind in NAMES:
        mine, its = getattr(op, kind, None), getattr(other, kind, None)
        if (mine is None) != (its is None):
            return None
        if mine is None or its is None:
            continue
        taken = any(kept == its for (of, name), kept in names.items() if of == kind and name != mine)
        if taken or new.setdefault((kind, mine), its) != its:
            return None
    return new
