"""HF701 protocol-error and HF602 identity."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.invariants import judge

NOTHING: set[str] = set()


def test_bytes_that_no_server_may_send() -> None:
    written = H().join("a").bad("a")
    assert says(written) == {"HF701 violated"}
    assert obligations(written, "HF701") == 1


def test_even_before_it_has_joined_and_while_it_stalls() -> None:
    assert says(H().open("a").ok("a").bad("a")) == {"HF701 violated"}
    assert says(H().join("a").fault("a").bad("a")) == {"HF701 violated"}


def test_it_is_told_once() -> None:
    assert [f.code for f in judge(H().join("a").bad("a").history(), skip=["HF701"]).violations] == ["HF301"]


def test_bad_bytes_to_whoever_sent_bad_bytes() -> None:
    assert says(H().join("a").fault("a", "malformed:rsv-bit").bad("a")) == NOTHING


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1006, 1015, 2999, 5000])
def test_a_forbidden_close_code_that_is_echoed(code: int) -> None:
    assert says(H().join("a").close_begun("a", code).bad("a")) == NOTHING
    assert says(H().join("a").bad("a").close_begun("a", code)) == {"HF701 violated"}


@pytest.mark.parametrize("code", [1005, 1000, 1014, 3000, 4999])
def test_a_code_that_may_be_sent_excuses_nothing(code: int) -> None:
    assert says(H().join("a").close_begun("a", code).bad("a")) == {"HF701 violated"}


def test_a_frame_that_is_cut_by_a_stop() -> None:
    assert says(H().join("a").stop().bad("a")) == NOTHING


def test_a_connection_that_acts_as_another_user() -> None:
    written = H().join("a").join("b", user="u1").named("a", "u1")
    assert says(written) == {"HF602 violated"}
    assert obligations(written, "HF602") == 1


def test_a_name_that_is_nobodys_may_be_a_spelling() -> None:
    assert says(H().join("a").named("a", "ALICE")) == {"HF602 inconclusive"}


@pytest.mark.parametrize(
    "written",
    [H().join("a").named("a", "u0"), H().open("a", token="wrong-claims").ok("a").join("b", user="u1").named("a", "u1")],
    ids=["itself", "bad-token"],
)
def test_names_that_accuse_nobody(written: H) -> None:
    assert says(written) == NOTHING


def test_nobody_was_named() -> None:
    assert obligations(H().join("a"), "HF602") == 0
