"""HF401 registry-leak: the server's own counts return to what they were."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

NOTHING: set[str] = set()


def counted(written: H, seconds: float = 5.2, after: int = 1) -> H:
    """Everybody has left; so much healthy time later the server counts so many."""
    return written.phase("probe").controls(seconds).count("connections", after)


def start() -> H:
    return H().count("connections", 0, "before").join("a", "b")


@pytest.mark.parametrize("written", [start().closed("a", "b"), start().drop("a").drop("b", "fin")])
def test_a_count_that_does_not_return(written: H) -> None:
    assert says(counted(written)) == {"HF401 violated"}
    assert obligations(written, "HF401") == 1


@pytest.mark.parametrize(
    "written",
    [
        counted(start().closed("a", "b"), after=0),
        counted(start().closed("a", "b")).count("connections", 0),  # the last reading counts
        counted(H().count("connections", 3, "before").join("a").closed("a"), after=2),  # others have left, too
        H().join("a").closed("a").controls(5.2).count("connections", 7),  # no baseline
        start().closed("a", "b").controls(5.2),  # never read again
    ],
    ids=["back", "back-late", "below", "no-baseline", "unread"],
)
def test_a_count_that_returns_or_is_unknown(written: H) -> None:
    assert says(written) == NOTHING


@pytest.mark.parametrize(
    "written",
    [
        counted(start().closed("a", "b"), seconds=1.8),
        counted(start().closed("a").drop("b"), seconds=4.8),
        counted(start().closed("a").drop("b", "vanish"), seconds=60),
        counted(start().closed("a"), seconds=60),
        start().closed("a", "b").wait(60).count("connections", 1),  # nobody asked whether it answers
        start().closed("a", "b").controls(60, ok=False).count("connections", 1),
        start().closed("a", "b").controls(1.5).lag(1).controls(0.4).count("connections", 1),
    ],
    ids=["closed", "dropped", "vanished", "open", "unasked", "paused", "own-lag"],
)
def test_a_count_read_before_everybody_was_surely_released(written: H) -> None:
    assert says(written) == {"HF401 inconclusive"}


def test_no_count_falls_below_zero_whoever_is_still_there() -> None:
    assert says(counted(start().closed("a"), seconds=0.1, after=-1)) == {"HF401 violated"}
    unknown = H().count("connections", -1, "before").join("a").closed("a")
    assert says(counted(unknown, after=-1)) == says(counted(unknown, after=-2)) == NOTHING


def test_connections_opened_after_the_reading_do_not_matter() -> None:
    assert says(counted(start().closed("a", "b")).join("s", role="slot")) == {"HF401 violated"}


def test_each_count_is_judged_by_itself() -> None:
    written = H().count("users", 0, "before").count("rooms", 1, "before").join("a").closed("a").controls(5.2)
    assert obligations(written.count("users", 0).count("rooms", 2), "HF401") == 2
    assert says(written) == {"HF401 violated"}


def test_without_counts_nothing_was_checked() -> None:
    assert obligations(H().join("a").closed("a"), "HF401") == 0
