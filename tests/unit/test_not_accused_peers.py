"""Correct hubs that are behind with what a peer has sent, or wait for one that stalls: nothing is proved meanwhile."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.history import SrvEof
from fuzzer.invariants import judge
from fuzzer.policy import CloseCodes, Policy

STEP = 0.1
"""Seconds that a slow hub takes for each message."""


def convicted(written: H) -> list[str]:
    return [finding.code for finding in judge(written.history()).violations]


# A hub with a heartbeat that works message by message comes to a Pong only behind what was sent before it: the reader
# of ``websockets`` pauses at 16 waiting frames, say, and its keepalive then closes with 1011.


def behind(policy: Policy, step: float, end: str = "") -> H:
    """Of thirty messages of a fifteen have been passed on; it may have sent something bad, or closed, behind them."""
    written = H(policy).join("a", "b").controls(0.2, every=0.05)
    for number in range(30):
        written.send(f"m{number}", "a")
    if end == "bad":
        written.fault("a", "malformed:rsv-bit")
    elif end:
        written.close_begun("a")
    for number in range(15):
        written.controls(step, every=0.05).got(f"m{number}", "b")
    for number in range(15, 30 if step < 0.01 else 15):
        written.got(f"m{number}", "b")
    return written


BEATS = Policy(t_heartbeat=1.0, backlog=None)


@pytest.mark.parametrize(("step", "said"), [(STEP, []), (0.001, ["HF301"])])
def test_a_pong_waits_behind_what_the_hub_has_not_read_yet(step: float, said: list[str]) -> None:
    assert convicted(behind(BEATS, step).controls(0.05, every=0.05).ended("a", 1011)) == said


@pytest.mark.parametrize(("beat", "said"), [(1.0, []), (None, ["HF301"])])
def test_only_a_hub_that_waits_for_its_peers_may_give_one_up(beat: float | None, said: list[str]) -> None:
    assert convicted(behind(Policy(t_heartbeat=beat, backlog=None), STEP).ended("a", 1011)) == said


@pytest.mark.parametrize(("step", "said"), [(STEP, []), (0.001, ["HF503"])])
def test_nor_does_it_come_to_what_was_malformed(step: float, said: list[str]) -> None:
    policy = Policy(t_heartbeat=1.0, backlog=None, close_codes=CloseCodes(malformed=(1002,)))
    assert convicted(behind(policy, step, "bad").ended("a", 1011)) == said


@pytest.mark.parametrize(("step", "said"), [(STEP, []), (0.001, ["HF504"])])
def test_nor_to_a_close(step: float, said: list[str]) -> None:
    assert convicted(behind(BEATS, step, "close").ended("a", SrvEof)) == said


@pytest.mark.parametrize(("step", "said"), [(STEP, []), (0.001, ["HF405"])])
def test_and_who_is_given_up_is_not_present(step: float, said: list[str]) -> None:
    written = H(Policy(t_heartbeat=1.0, t_presence=0.3, backlog=None)).join("a", "b").join("c", user="u1")
    written.controls(0.5, every=0.05)
    for number in range(15):
        written.send(f"m{number}", "a")
    for number in range(15):
        written.controls(step, every=0.05).got(f"m{number}", "b")
    assert convicted(written.closed("b").controls(0.3, every=0.05).ask("c").present("c", "u1")) == said


# A lossless hub that waits for one that does not read has the whole bound again when that one has read on.
LOSSLESS = Policy(slow_consumer="lossless", deadline=1.0, backlog=None)


@pytest.mark.parametrize(("stalls", "said"), [(True, []), (False, ["HF504"])])
def test_a_lossless_hub_answers_a_close_when_who_stalled_has_read(stalls: bool, said: list[str]) -> None:
    written = H(LOSSLESS).join("a", "b", "x")
    if stalls:
        written.fault("x", "stall")
    written.send("m", "a", size=6_000_000).close_begun("a").controls(2.9, every=0.05)
    if stalls:
        written.healed("x", "stall")
    assert convicted(written.controls(0.05, every=0.05).unanswered("a")) == said


@pytest.mark.parametrize(("stalls", "said"), [(True, []), (False, ["HF101"])])
def test_a_lossless_hub_passes_on_when_who_stalled_has_read(stalls: bool, said: list[str]) -> None:
    written = H(LOSSLESS).join("a", "b", "x")
    if stalls:
        written.fault("x", "stall")
    written.send("m", "a", size=6_000_000).controls(1.5, every=0.05)
    if stalls:
        written.healed("x", "stall")
    assert sorted(set(convicted(written.controls(0.05, every=0.05).quiet(False)))) == said
