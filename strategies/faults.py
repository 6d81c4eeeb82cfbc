"""Faults that real bugs tell apart: ways to go, ways to leave a handshake, bytes that no client may send."""

from __future__ import annotations

from typing import Final, get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzzer.plan import AbandonKind, DropKind, MalformedKind
from strategies.choice import Draw, weighted
from strategies.swarm import Swarm

DROPS: Final[tuple[tuple[DropKind, int], ...]] = (*(("reset", 5), ("fin", 3), ("vanish", 2), ("reset-pending", 2)),)
ABANDONS: Final[tuple[AbandonKind, ...]] = get_args(AbandonKind)
MALFORMED: Final[tuple[MalformedKind, ...]] = get_args(MalformedKind)
# Codes that a client may send (RFC 6455, 7.4): the usual two, the edges of the registered and of the private range
CLOSES: Final[tuple[tuple[int, int], ...]] = ((1000, 10), (1001, 4), (3000, 2), (4000, 2), (4999, 1), (1005, 1))
REASONS: Final = ("", "bye", "späť 😀", "x" * 123)


def drops() -> SearchStrategy[DropKind]:
    """Ways to end without a Close frame."""
    return weighted(DROPS)


def abandons() -> SearchStrategy[AbandonKind]:
    """Places in the opening handshake to leave at."""
    return st.sampled_from(ABANDONS)


def malformed_kinds() -> SearchStrategy[MalformedKind]:
    """Kinds of bytes that RFC 6455 or the hub's protocol forbids."""
    return st.sampled_from(MALFORMED)


def close_codes() -> SearchStrategy[int]:
    """Close codes that a client may send; 1005 stands for a Close without a code."""
    return weighted(CLOSES)


def draw_drop(draw: Draw, swarm: Swarm) -> DropKind:
    """A way to end that this plan's swarm has."""
    return draw.weighted([option for option in DROPS if swarm.has(option[0])] or DROPS[:1])


def draw_close(draw: Draw, swarm: Swarm) -> tuple[int, str]:
    """Code and reason of a Close frame."""
    code = draw.weighted(CLOSES) if swarm.has("codes") else 1000
    return code, draw.one(REASONS) if code != 1005 and draw.percent(20) else ""
