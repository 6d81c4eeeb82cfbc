"""Several seeded bugs in one hub, as in real ones: none may hide another."""

from __future__ import annotations

from typing import Any

import msgspec

from fuzzer.hub.bugs import BUGS
from fuzzer.hub.bugs.model import SeededBug
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs

ROOM_FOR_TWO = 2  # connections: with a limit of 1, which some bugs choose, others could never show


def seeded(codes: str) -> SeededBug:
    """The bug of this code, or the one hub that has all of ``S03,S10,S15``.

    Raises ``ValueError`` (one line) for a code that there is not, and for bugs that replace the same piece.
    """
    names = list(dict.fromkeys(code.strip().upper() for code in codes.split(",")))
    for name in names:
        if name not in BUGS:
            raise ValueError(f"there is no seeded bug {name!r}; there are {', '.join(BUGS)}")
    bugs = [BUGS[name] for name in names]
    return bugs[0] if len(bugs) == 1 else _together(bugs)


def _together(bugs: list[SeededBug]) -> SeededBug:
    first = bugs[0]
    return msgspec.structs.replace(
        first,
        code=",".join(bug.code for bug in bugs),
        title="; ".join(bug.title for bug in bugs),
        family=tuple(dict.fromkeys(code for bug in bugs for code in bug.family)),
        reports=tuple(dict.fromkeys(url for bug in bugs for url in bug.reports)),
        pieces=Pieces(**_changes(bugs, "pieces")),
        knobs=Knobs(**_changes(bugs, "knobs")),
    )


def _changes(bugs: list[SeededBug], what: str) -> dict[str, Any]:
    """What the bugs change, each field by one of them or by all alike."""
    changed: dict[str, Any] = {}
    whose: dict[str, str] = {}
    for bug in bugs:
        mine = getattr(bug, what)
        default = type(mine)()
        for name in mine.__struct_fields__:
            value = getattr(mine, name)
            if value == getattr(default, name):
                continue
            if name in changed and changed[name] != value:
                raise ValueError(f"{whose[name]} and {bug.code} cannot be combined: both change the hub's {name}")
            changed[name], whose[name] = value, bug.code
    if what == "knobs" and changed.get("limit", ROOM_FOR_TWO) < ROOM_FOR_TWO:
        changed["limit"] = ROOM_FOR_TWO
    return changed
