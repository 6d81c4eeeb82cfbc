"""HF101 by gap: the dials that fit what was lost, the likeliest first, and what the hub said of it."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.history import Frame
from fuzzer.invariants import judge
from fuzzer.plan import Send
from fuzzer.policy import Policy
from fuzzer.verdict import Finding

ORDER = 'policy.order = "none"'


def found(written: H) -> Finding:
    """The one loss."""
    [finding] = judge(written.history()).violations
    assert finding.code == "HF101"
    return finding


def began(*others: str, size: int = 0, by: str = "c", read: bool = True, policy: Policy | None = None) -> H:
    """Three members, and what was sent before; all has come to b, unless that is left for later."""
    written = H(policy, Send("a", "m", size=400), *(Send(by, name, size=size) for name in others)).join("a", "b", "c")
    for name in others:
        written.send(name, by, size=size)
    for name in others if read else ():
        written.got(name, "b")
    return written


def lost(written: H, size: int = 0, late: tuple[str, ...] = ()) -> H:
    """b never gets m, but what was sent before it, if that was still on the way, and what a sent after it."""
    written.send("m", "a", size=size).send("later", "a")
    for name in late:
        written.got(name, "b")
    return written.got("later", "b")


def foreign(names: tuple[str, ...]) -> H:
    """As much was sent by one of another user."""
    written = began(policy=Policy(group="all")).join("z", user="u1")
    for name in names:
        written.send(name, "z").got(name, "b")
    return written


FOUR = ("x0", "x1", "x2", "x3")
EIGHT = tuple(f"x{number}" for number in range(8))


@pytest.mark.parametrize(
    ("written", "dials"),
    [
        (lost(began()), ""),
        (lost(began(), size=400), "policy.max_size, "),
        (lost(began(), size=64), ""),
        (lost(began("x", size=300, by="a"), size=400), "policy.max_size, "),
        (lost(began("x", size=500, by="a"), size=400), ""),
        (lost(began("x", size=500, by="c"), size=400), "policy.max_size, "),
        (lost(began(*FOUR, read=False), late=FOUR), "policy.backlog, "),
        (lost(began(*FOUR[:3], read=False), late=FOUR[:3]), ""),
        (lost(began(*FOUR)), ""),
        (lost(began(*EIGHT, by="a")), "policy.rate, "),
        (lost(began(*EIGHT[:7], by="a")), ""),
        (lost(began(*EIGHT)), "policy.rate, policy.rate_scope, "),
        (lost(began(*EIGHT[:7])), ""),
        (lost(foreign(EIGHT)), ""),
        (
            lost(began(*EIGHT, by="a", read=False), size=400, late=EIGHT),
            "policy.max_size, policy.backlog, policy.rate, ",
        ),
        (lost(began(*FOUR, read=False, policy=Policy(slow_consumer="lossless")), late=FOUR), ""),
    ],
    ids=[
        "plain", "large", "little", "larger", "not-the-largest", "larger-of-another", "waiting", "too-few-waiting",
        "read-before", "many", "not-so-many", "many-of-another-tab", "not-so-many-of-one",
        "many-of-another-user", "all", "lossless",
    ],
)  # fmt: skip
def test_dials_that_fit_are_named_and_the_order_last(written: H, dials: str) -> None:
    assert found(written).dial == dials + ORDER


def test_what_the_hub_said_to_the_sender_is_quoted() -> None:
    written = began().frame("a", "before").send("m", "a").frame("b", "to another").frame("a", "too long")
    written = written.frame("a", "and more").send("later", "a").got("later", "b")
    assert found(written).observed.endswith("this one never; to a the hub said: too long")


def test_what_it_said_is_shortened_and_holds_no_token() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MCJ9.c2ln"
    written = began().send("m", "a").frame("a", token + "x " * 100).send("later", "a").got("later", "b")
    said = found(written).observed.partition("the hub said: ")[2]
    assert said.startswith("<token>")
    assert len(said) == 81


def test_a_frame_that_is_known_says_nothing_of_it() -> None:
    written = began().send("m", "a").add(Frame, conn="a", text="history", known=True)
    assert "said" not in found(written.send("later", "a").got("later", "b")).observed
