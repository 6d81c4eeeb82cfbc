"""HF112 causal and HF113 total-order: answers after what they answer, one order for all (SPEC 2.3)."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.invariants import judge
from fuzzer.policy import Policy

CAUSAL = Policy(order="causal")
TOTAL = Policy(order="total")
NOTHING: set[str] = set()
ANSWER_FIRST = {"HF112 violated"}
DISAGREE = {"HF113 violated"}


def answered(policy: Policy = CAUSAL) -> H:
    """a asks, b reads the question and answers it."""
    return H(policy).join("a", "b", "c").send("ask", "a").got("ask", "b").send("answer", "b")


# ---- causal --------------------------------------------------------------------------------------------------------


def test_an_answer_before_its_question() -> None:
    written = answered().got("answer", "c").got("ask", "c")
    assert says(written) == ANSWER_FIRST
    assert obligations(written, "HF112") == 1


def test_an_answer_without_its_question() -> None:
    assert says(answered().got("answer", "c")) == ANSWER_FIRST


def test_an_answer_to_an_answer_before_the_question() -> None:
    written = H(CAUSAL).join("a", "b", "c", "d").send("m1", "a").got("m1", "b").send("m2", "b").got("m2", "c")
    written = written.send("m3", "c").got("m3", "d").got("m1", "d", "c").got("m2", "d")
    assert says(written) == ANSWER_FIRST


@pytest.mark.parametrize(
    "written",
    [
        answered().got("ask", "c").got("answer", "c"),
        H(CAUSAL).join("a", "b", "c").send("m1", "a").send("m2", "b").got("m2", "c").got("m1", "c"),  # knew nothing
        H(CAUSAL).join("a", "b", "c").send("m1", "a").send("m2", "b").got("m1", "b").got("m2", "c").got("m1", "c"),
        answered(Policy()).got("answer", "c").got("ask", "c"),
        answered(TOTAL).got("answer", "c").got("ask", "c"),
        H(CAUSAL).join("a", "b").send("ask", "a").got("ask", "b").send("answer", "b").got("answer", "a")
        .got("ask", "a"),
        H(CAUSAL).join("a", "b").send("ask", "a").got("ask", "b").open("c").ok("c").send("answer", "b")
        .got("answer", "c").got("ask", "c"),  # history, read out on joining
        H(CAUSAL).join("a", "b", "c").fault("c").send("ask", "a").got("ask", "b").send("answer", "b").healed("c")
        .got("answer", "c"),  # lost to a slow reader
        H(CAUSAL).join("a", "b", "c").sub("a", "b", "c").send("ask", "a", "r0").got("ask", "b").send("answer", "b")
        .got("answer", "c").got("ask", "c"),  # another group
        H(CAUSAL).join("a", "b").open("c").ok("c").send("ask", "a").got("ask", "b").send("answer", "b")
        .got("answer", "c"),  # it was not yet a member
    ],
    ids=["in-order", "concurrent", "read-later", "fifo", "total", "own-copy", "history", "slow", "group", "newcomer"],
)  # fmt: skip
def test_orders_that_are_causal_or_not_judged(written: H) -> None:
    assert not any(found.startswith("HF112") for found in says(written))


def test_one_senders_own_order_is_told_by_fifo_alone() -> None:
    written = H(CAUSAL).join("a", "b").send("m0", "a").send("m1", "a").got("m1", "b").got("m0", "b")
    assert says(written) == {"HF111 violated"}


# ---- total ---------------------------------------------------------------------------------------------------------


def sent(*names: str, policy: Policy = TOTAL) -> H:
    """Each message by a sender of its own."""
    written = H(policy).join("a", "b", "c").join(*(f"s{name}" for name in names))
    for name in names:
        written.send(name, f"s{name}")
    return written


def test_two_receivers_that_disagree() -> None:
    written = sent("m", "n").got("m", "a").got("n", "a").got("n", "b").got("m", "b")
    assert says(written) == DISAGREE
    assert obligations(written, "HF113") == 2


def test_three_receivers_of_which_no_two_disagree() -> None:
    written = sent("m", "n", "o").got("m", "a").got("n", "a").got("n", "b").got("o", "b").got("o", "c").got("m", "c")
    assert says(written) == DISAGREE
    (finding,) = judge(written.history()).violations
    assert len(finding.witness) == 6
    assert set(finding.conns) == {"a", "b", "c"}


def test_the_shortest_cycle_is_the_witness() -> None:
    written = sent("m", "n", "o", "p")
    for name in ("m", "n", "o", "p"):
        written.got(name, "a")
    for name in ("p", "n", "o", "m"):
        written.got(name, "b")
    (finding,) = judge(written.history(), only=["HF113"]).violations
    assert len(finding.witness) == 4


@pytest.mark.parametrize(
    "written",
    [
        sent("m", "n").got("m", "a", "b").got("n", "a", "b"),
        sent("m", "n", "o").got("m", "a").got("n", "a").got("n", "b").got("o", "b").got("m", "c").got("o", "c"),
        sent("m", "n").got("m", "a").got("n", "a").got("n", "b"),  # gaps
        sent("m", "n", policy=Policy()).got("m", "a").got("n", "a").got("n", "b").got("m", "b"),
        sent("m", "n").open("d").ok("d").got("m", "a").got("n", "a").got("n", "d").got("m", "d"),  # history
        sent("m").got("m", "a"),
    ],
    ids=["agree", "three-agree", "gaps", "fifo", "history", "one"],
)
def test_orders_that_one_order_explains(written: H) -> None:
    assert not any(found.startswith("HF113") for found in says(written))


def test_groups_have_orders_of_their_own() -> None:
    written = H(TOTAL).join("a", "b", "s").sub("a", "b", "s").send("m", "a").send("n", "b", "r0")
    assert says(written.got("m", "b").got("n", "b").got("n", "s").got("m", "s")) == NOTHING
