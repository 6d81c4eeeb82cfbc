"""Payloads: sizes with the edges of WebSocket framing, fills, bursts, and whole bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzzer.payload import filler
from fuzzer.plan import Fill, Wire
from fuzzer.plan_ranges import MOST_FRAGMENTED
from strategies.choice import Draw
from strategies.shape import LONGEST_BURST, MOST_BURST, SIZES, SMALL, Shape
from strategies.swarm import Swarm

FILLS: Final[tuple[Fill, ...]] = get_args(Fill)
WIRES: Final[tuple[tuple[Wire, int], ...]] = (("frames", 85), ("one-segment", 6), ("fragments", 6), ("drip", 3))
DRIPPED: Final = (125, 2)  # size and count at most: every byte costs a turn of the loop
FEW: Final = 4
LONG: Final = ((17, 6), (33, 6), (65, 4), (129, 2), (LONGEST_BURST, 1))
"""Long bursts with their weights: one above the usual sizes of a queue for each reader, which drops what is beyond."""
LONG_PERCENT: Final = 12  # of bursts
BURST_BYTES: Final = 200_000  # what one burst of big messages may weigh


def sizes(allowed: Sequence[int] = SIZES, largest: int | None = None) -> SearchStrategy[int]:
    """Sizes of filler in characters: the edges of frame lengths (125, 126, 65535) and what lies between."""
    fitting = sorted({size for size in allowed if largest is None or size <= largest} | {0})
    return st.one_of(st.sampled_from(fitting), st.integers(0, fitting[-1]))


def bursts() -> SearchStrategy[int]:
    """How many messages follow each other without a pause."""
    return st.one_of(st.just(1), st.integers(2, MOST_BURST))


def fills() -> SearchStrategy[Fill]:
    """Kinds of filler, from plain to hard."""
    return st.sampled_from(FILLS)


def bodies(largest: int = SIZES[-1]) -> SearchStrategy[str]:
    """Whole filler texts."""
    return st.builds(filler, sizes(largest=largest), fills())


def draw_payload(draw: Draw, shape: Shape, swarm: Swarm) -> tuple[int, int, Fill]:
    """Size, count and fill of a send: mostly small and single, seldom big, seldom a burst; never beyond the shape."""
    fill = draw.one(shape.fills) if swarm.has("fill") and draw.percent(25) else "ascii"
    most = shape.largest(fill)
    big = swarm.has("big") and draw.percent(7)
    options = [size for size in shape.sizes if size <= most and (size > SMALL) is big] or [0]
    count = draw_count(draw, shape, big) if swarm.has("burst") and draw.percent(22) else 1
    size = draw.one(options)
    return size, max(1, min(count, BURST_BYTES // (size + 1))), fill


def draw_count(draw: Draw, shape: Shape, big: bool) -> int:
    """The length of a burst: some are longer than a hub's queue may be, where the hub promises to hold so much."""
    long = [(count, weight) for count, weight in LONG if count <= shape.burst]
    return draw.weighted(long) if long and not big and draw.percent(LONG_PERCENT) else 2 + draw.below(MOST_BURST - 1)


def draw_wire(draw: Draw, shape: Shape, swarm: Swarm, size: int, count: int) -> tuple[Wire, int, int]:
    """How the bytes of a send travel, and its size and count if they do not fit to that."""
    wires = [(wire, weight) for wire, weight in WIRES if shape.fragments or wire != "fragments"]
    wire = draw.weighted(wires) if swarm.has("wire") else "frames"
    if wire == "drip":
        return wire, min(size, DRIPPED[0]), min(count, DRIPPED[1])
    if wire == "fragments":
        return wire, size, min(count, MOST_FRAGMENTED)
    if wire == "one-segment" and count == 1 and size <= SMALL:  # several in one segment are what a hub may miss
        return wire, size, 2 + draw.below(FEW)
    return wire, size, count
