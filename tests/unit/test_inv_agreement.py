"""HF102 agreement: what one member got of a sender that is gone, all must get (SPEC 2.4)."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.policy import Policy

LOST = {"HF101 violated"}
NOTHING: set[str] = set()


def split(policy: Policy | None = None, end: str = "reset") -> H:
    """m of a, which then drops, reaches b and not c."""
    written = H(policy).join("a", "b", "c").send("m", "a")
    return (written.closed("a") if end == "close" else written.drop("a", end)).got("m", "b")


@pytest.mark.parametrize("end", ["reset", "fin", "vanish", "close"])
def test_what_one_got_of_a_sender_that_left_all_must_get(end: str) -> None:
    written = split(end=end).controls(5.2).quiet(complete=False)
    assert says(written) == {"HF102 violated"}
    assert obligations(written, "HF102") == 2


def test_nobody_got_it_is_fine() -> None:
    written = H().join("a", "b", "c").send("m", "a").drop("a").controls(60).quiet(complete=False)
    assert says(written) == NOTHING
    assert obligations(written, "HF102") == 0


def test_all_got_it_is_fine() -> None:
    assert says(split().got("m", "c").controls(60).quiet(complete=False)) == NOTHING


@pytest.mark.parametrize("written", [split().controls(4.8), split().controls(60, ok=False), split().wait(60)])
def test_disagreement_that_is_not_proved(written: H) -> None:
    assert says(written.quiet(complete=False)) == {"HF102 inconclusive"}


@pytest.mark.parametrize(
    "written",
    [
        split(Policy(agreement=False)),
        H().join("a", "b").open("c").ok("c").send("m", "a").drop("a").got("m", "b"),
        split().drop("c"),
        split().fault("c"),
        H().join("a", "b", "c").sub("a", "b", "c").send("m", "a", "r0").unsub("c").drop("a").got("m", "b"),
        H().join("a", "b").join("c", user="u1").send("m", "a").drop("a").got("m", "b"),
    ],
    ids=["best-effort", "no-member", "gone-too", "stalled", "left-room", "stranger"],
)
def test_disagreement_that_is_none(written: H) -> None:
    assert says(written.controls(60).quiet(complete=False)) == NOTHING


def test_a_hole_is_reported_as_delivery_and_not_twice() -> None:
    written = H().join("a", "b", "c").send("m0", "a").send("m1", "a").drop("a").got("m0", "b").got("m1", "b", "c")
    assert says(written.controls(6).quiet(complete=False)) == LOST
