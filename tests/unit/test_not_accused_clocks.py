"""Clocks that are set, and servers that somebody else holds up: no fault of the hub."""

from __future__ import annotations

import pytest
from histories import H, says

from fuzzer.policy import Limit, Policy

LIMITED = Policy(limit=Limit(2, codes=(1008,)))


def convicted(written: H) -> set[str]:
    return {said for said in says(written) if said.endswith("violated")}


def told_lag(written: H, seconds: float) -> H:
    """So late hubfuzz says that it was, when the wall clock was set: no time has passed."""
    written.lag(0.06)
    written.events[-1] = type(written.events[-1])(t=written.now, seconds=seconds)  # type: ignore[call-arg]
    return written


@pytest.mark.parametrize(("step", "said"), [(60.0, set()), (0.1, {"HF106 violated"})])
def test_a_token_lives_longer_when_the_clock_is_set_back(step: float, said: set[str]) -> None:
    written = H(Policy(t_expiry=1.0)).join("a", expires=2.0).join("b").controls(1.0)
    told_lag(written, step).controls(4.0).send("m", "b").got("m", "a")
    assert convicted(written) == said


@pytest.mark.parametrize(("token", "step", "said"), [
    ("not-yet-valid", 4000.0, set()),
    ("expired", 4000.0, set()),  # set back
    ("not-yet-valid", 60.0, {"HF601 violated"}),
    ("wrong-signature", 4000.0, {"HF601 violated"}),
])  # fmt: skip
def test_a_bad_token_is_good_when_the_clock_was_set(token: str, step: float, said: set[str]) -> None:
    written = H().join("b").open("a", token=token)  # type: ignore[arg-type]
    assert convicted(told_lag(written, step).ok("a").welcome("a")) == said


# ---- a login that takes longer than the server allows, told by the same code as the limit ----------------------------


@pytest.mark.parametrize("held_up", [True, False])
@pytest.mark.parametrize(("role", "code"), [("plan", "HF202"), ("slot", "HF203")])
def test_who_logs_in_too_slowly(role: str, code: str, held_up: bool) -> None:
    written = H(LIMITED).join("a").open("c", user="u1", role=role).ok("c")  # type: ignore[arg-type]
    written = written.wait(6.0) if held_up else written.controls(0.3, every=0.05)
    assert convicted(written.ended("c", 1008)) == (set() if held_up else {f"{code} violated"})


@pytest.mark.parametrize("held_up", [True, False])
def test_a_canary_that_logs_in_too_slowly(held_up: bool) -> None:
    written = H(LIMITED).join("a").phase("canary").open("c", user="canary", role="canary").ok("c")
    written = written.wait(6.0) if held_up else written.controls(0.3, every=0.05)
    assert ("HF501 violated" in convicted(written.ended("c", 1008))) != held_up


@pytest.mark.parametrize("stopped", [True, False])
def test_nobody_is_answered_by_a_server_that_is_seen_to_be_stopped(stopped: bool) -> None:
    written = H().join("a").phase("canary").open("c", "d", user="canary", role="canary").ok("c", "d").send("~c", "c")
    written.controls(1.0, ok=False, every=1.0)
    if stopped:
        written.pause(8.0)
    written.controls(6.0 if not stopped else 1.0, ok=False, every=1.0).quiet(complete=False)
    assert ("HF501 violated" in convicted(written)) != stopped
