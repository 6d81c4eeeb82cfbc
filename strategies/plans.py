"""Whole plans as one strategy, for ``@given`` and ``@example`` where no state machine is wanted."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from fuzzer.plan import Plan
from fuzzer.plan_rules import normalise
from strategies.choice import Draw
from strategies.draft import Draft
from strategies.opening import draw_opening
from strategies.season import season
from strategies.shape import Shape
from strategies.strokes import STROKES

_STROKES: Final = tuple(STROKES.values())


@st.composite
def plans(draw: DrawFn, shape: Shape | None = None) -> Plan:
    """Plans as the state machine makes them: an opening, then a few strokes."""
    choose, draft = Draw(draw), Draft(shape=shape or Shape())
    draw_opening(choose, draft.fork()).begin(draft)
    for _ in range(draft.strokes):
        for batch in season(choose, draft, choose.one(_STROKES)(choose, draft.fork())):
            draft.append(batch)
    return normalise(draft.plan())
