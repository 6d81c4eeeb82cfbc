"""HF601 authentication: a bad token neither joins nor receives nor sends."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.plan import TokenKind
from fuzzer.policy import Policy

ADMITTED = {"HF601 violated"}
NOTHING: set[str] = set()
REFUSED: tuple[TokenKind, ...] = ("expired", "not-yet-valid", "wrong-signature", "alg-none", "truncated", "none")


@pytest.mark.parametrize("token", REFUSED)
def test_welcomed_with_a_bad_token(token: TokenKind) -> None:
    written = H().open("x", token=token).ok("x").welcome("x")
    assert says(written) == ADMITTED
    assert obligations(written, "HF601") == 1


def test_receiving_with_a_bad_token() -> None:
    assert says(H().join("a").open("x", token="expired").ok("x").send("m", "a").got("m", "x")) == ADMITTED


def test_heard_with_a_bad_token() -> None:
    assert says(H().join("a").open("x", token="expired").ok("x").send("m", "x").got("m", "a")) == ADMITTED


@pytest.mark.parametrize(
    "written",
    [
        H().open("x", token="expired").refused("x", 401),
        H().open("x", token="expired").ok("x").ended("x", 4401),
        H().open("x", token="expired").ok("x").wait(60),  # a 101 and silence: nothing was given away
        H().join("a").open("x", token="expired").ok("x").send("m", "x"),
        H().join("a").open("x", token="expired").ok("x").send("m", "a").got("m", "a"),
        H().open("x", token="wrong-claims").ok("x").welcome("x"),  # the hub promises nothing about it
        H(Policy(refuse_tokens=())).open("x", token="expired").ok("x").welcome("x"),
        H(Policy(refuse_tokens=("none",))).open("x", token="expired").ok("x").welcome("x"),
        H().join("a"),
    ],
    ids=["refused", "closed", "left-open", "unheard", "others", "wrong-claims", "no-promise", "other-promise", "valid"],
)
def test_given_nothing_that_was_promised_to_be_refused(written: H) -> None:
    assert says(written) == NOTHING


def test_wrong_claims_by_dial() -> None:
    written = H(Policy(refuse_tokens=("wrong-claims",))).open("x", token="wrong-claims").ok("x").welcome("x")
    assert says(written) == ADMITTED


def test_attempts_that_were_never_answered_were_not_checked() -> None:
    assert obligations(H().open("x", token="expired"), "HF601") == 0
    assert obligations(H().open("x", token="expired", abandon="before-101").drop("x"), "HF601") == 0
    assert obligations(H().open("x", token="expired").refused("x", 401), "HF601") == 1
    assert obligations(H(Policy(refuse_tokens=())), "HF601") is None
