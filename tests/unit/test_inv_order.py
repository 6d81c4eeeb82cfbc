"""HF111 fifo: one sender, one receiver, one order (SPEC 2.3)."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.policy import Policy

INVERTED = {"HF111 violated"}
NOTHING: set[str] = set()


def inverted(written: H, room: str | None = None) -> H:
    return written.send("m0", "a", room).send("m1", "a", room).got("m1", "b").got("m0", "b")


def test_the_later_message_read_first() -> None:
    assert says(inverted(H().join("a", "b"))) == INVERTED
    assert says(inverted(H().join("a", "b").sub("a", "b"), "r0")) == INVERTED


def test_in_order() -> None:
    written = H().join("a", "b").send("m0", "a").send("m1", "a").got("m0", "b").got("m1", "b")
    assert says(written) == NOTHING
    assert obligations(written, "HF111") == 1


@pytest.mark.parametrize(
    "written",
    [
        inverted(H(Policy(order="none")).join("a", "b")),
        H().join("a", "b", "c").send("m0", "a").send("m1", "c").got("m1", "b").got("m0", "b"),  # two senders
        H().join("a", "b").sub("a", "b").send("m0", "a").send("m1", "a", "r0").got("m1", "b").got("m0", "b"),
        H().join("a").send("m0", "a").join("b").send("m1", "a").got("m1", "b").got("m0", "b"),  # history
        H().join("a", "b").sub("a").send("m0", "a", "r0").sub("b").send("m1", "a", "r0").got("m1", "b").got("m0", "b"),
    ],
    ids=["dial", "two-senders", "two-groups", "history", "history-of-a-room"],
)
def test_an_order_that_is_allowed(written: H) -> None:
    assert says(written) == NOTHING


def test_gaps_do_not_hide_an_inversion() -> None:
    written = H(Policy(agreement=False)).join("a", "b").send("m0", "a").send("m1", "a").send("m2", "a")
    assert says(written.got("m2", "b").got("m0", "b")) >= INVERTED


def test_a_fault_of_the_receiver_excuses_no_inversion() -> None:
    assert says(inverted(H().join("a", "b").fault("b").healed("b"))) == INVERTED


def test_nothing_to_compare() -> None:
    assert obligations(H().join("a", "b").send("m0", "a").got("m0", "b"), "HF111") == 0
    assert obligations(H(Policy(order="none")).join("a", "b"), "HF111") is None
