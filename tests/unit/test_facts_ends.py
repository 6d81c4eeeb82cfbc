"""What gives a server the right to end a connection: expiry, silence, a stop, evictions; and what a restart forgets."""

from __future__ import annotations

import pytest
from histories import H, says

from fuzzer.facts import NEVER, Facts
from fuzzer.policy import Limit, Policy

IDLE = Policy(t_idle=2.0)
ANY = Policy(limit=Limit(2, "evict-any", codes=(4009,)))
REJECT = Policy(limit=Limit(1, codes=(1008,), statuses=(429,)))
NOTHING: set[str] = set()
CLOSED = {"HF301 violated"}
UNSURE = {"HF301 inconclusive"}


def x(written: H, conn: str = "a") -> float:
    """The time from which on the server may end ``conn``."""
    facts = Facts(written.history())
    return facts.t(facts.conns[conn].x)


def test_a_token_that_expires_is_a_cause_from_a_second_before() -> None:
    assert says(H().join("a", expires=3.0).wait(2.5).ended("a", 4401)) == NOTHING
    assert says(H().join("a", expires=9.0).wait(2.5).ended("a", 4401)) == CLOSED


def test_whoever_is_silent_for_half_the_idle_time_may_be_closed() -> None:
    assert says(H(IDLE).join("a").controls(1.1).ended("a", 4000)) == NOTHING
    assert says(H(IDLE).join("a").controls(0.8).ended("a", 4000)) == CLOSED
    assert (
        says(H(IDLE).join("a", "b").controls(0.8).send("m", "a").got("m", "b").controls(0.8).ended("a", 4000)) == CLOSED
    )
    assert says(H(IDLE).join("a").wait(0.8).ended("a", 4000)) == UNSURE  # it may have got no time to read
    assert says(H().join("a").wait(60).ended("a", 4000)) == CLOSED  # no idle time is declared


def test_listening_and_pongs_are_silence_too() -> None:
    written = H(IDLE).join("a", "b").wait(0.8).send("m", "b").got("m", "a").wait(0.4)
    assert says(written.ended("a", 4000)) == NOTHING


def test_a_standstill_may_look_like_silence() -> None:
    assert x(H(IDLE).join("a").wait(0.2).pause(0.6).ended("a", 4000)) < NEVER
    assert x(H(IDLE).join("a").wait(0.2).lag(0.6).ended("a", 4000)) < NEVER
    assert x(H(IDLE).join("a").wait(0.2).pause(0.2).ended("a", 4000)) == float("inf")


def test_whoever_has_been_open_for_nearly_its_lifetime_may_be_closed() -> None:
    aging = Policy(t_lifetime=3.0)
    assert says(H(aging).join("a").wait(2.1).send("m", "a").ended("a", 4000)) == NOTHING
    assert says(H(aging).join("a").wait(1.9).send("m", "a").ended("a", 4000)) == CLOSED
    assert says(H(Policy(t_lifetime=0.4)).join("a").wait(0.1).ended("a", 4000)) == CLOSED
    assert says(H(Policy(t_lifetime=0.4)).join("a").wait(0.3).ended("a", 4000)) == NOTHING


TALKATIVE = Policy(rate=3)


def said(policy: Policy | None, count: int) -> H:
    """a has sent so many messages, all of which b has read."""
    written = H(policy).join("a", "b")
    for number in range(count):
        written.send(f"m{number}", "a").got(f"m{number}", "b")
    return written


@pytest.mark.parametrize(("policy", "verdict"), [(TALKATIVE, NOTHING), (Policy(rate=5), CLOSED), (None, CLOSED)])
def test_whoever_sends_more_than_its_rate_may_be_closed(policy: Policy | None, verdict: set[str]) -> None:
    assert says(said(policy, 4).ended("a", 1008)) == verdict


def test_whoever_only_reads_has_no_rate() -> None:
    assert says(said(TALKATIVE, 9).ended("b", 1008)) == CLOSED


@pytest.mark.parametrize(("policy", "verdict"), [(TALKATIVE, NOTHING), (Policy(rate=5), {"HF101 violated"})])
def test_what_is_sent_beyond_the_rate_may_be_ignored(policy: Policy, verdict: set[str]) -> None:
    """The fourth message of a is never read by b, the fifth is."""
    written = said(policy, 3).send("m3", "a").send("m4", "a")
    assert says(written.got("m4", "b")) == verdict


def crossed(policy: Policy) -> H:
    """a sends one, then b six; c reads all of b's, and never that of a, but what a sent later."""
    written = H(policy).join("a", "b", "c").send("m", "a")
    for number in range(6):
        written.send(f"x{number}", "b")
    written.send("later", "a")
    for number in range(6):
        written.got(f"x{number}", "c")
    return written.got("later", "c")


LOST = {"HF101 violated"}


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (Policy(rate=9, rate_scope="user"), NOTHING),
        (Policy(rate=10, rate_scope="user"), LOST),
        (Policy(rate=9), LOST),
        (Policy(rate=99, rate_scope="global"), NOTHING),
        (Policy(rate=99, rate_scope="ip"), NOTHING),
    ],
)
def test_what_another_tab_has_sent_may_have_used_up_the_rate_of_both(policy: Policy, verdict: set[str]) -> None:
    """Three openings count, a's first message, and all six of b's, which may have been handled before it."""
    assert says(crossed(policy)) == verdict


def test_what_was_seen_to_be_handled_used_up_no_later_rate() -> None:
    """That of a second user never does; nor does what b sent when somebody had read a later message of a."""
    policy = Policy(rate=7, rate_scope="user", group="all")
    written = H(policy).join("a", "c").join("b", user="u1")
    for number in range(9):
        written.send(f"x{number}", "b").got(f"x{number}", "c")
    assert says(written.send("m", "a").send("later", "a").got("later", "c")) == LOST
    seen = H(policy).join("a", "b", "c").send("m", "a").send("later", "a").got("later", "c")
    for number in range(9):
        seen.send(f"x{number}", "b")
    assert says(seen) == LOST


def test_who_shares_a_rate_may_be_closed_for_it() -> None:
    many = said(Policy(rate=4, rate_scope="user"), 3)
    assert says(many.ended("b", 1008)) == NOTHING
    assert says(said(Policy(rate=5, rate_scope="user"), 3).ended("b", 1008)) == CLOSED
    other = said(Policy(rate=4, rate_scope="user"), 3).join("x", user="u1")
    assert says(other.ended("x", 1008)) == CLOSED


@pytest.mark.parametrize("victim", ["a", "b", "c"])
def test_where_anybody_may_go_anybody_may(victim: str) -> None:
    assert says(H(ANY).join("a", "b", "c").ended(victim, 4009)) == NOTHING


def test_where_anybody_may_go_nobody_goes_at_the_limit() -> None:
    assert says(H(ANY).join("a", "b").ended("a", 4009)) == {"HF204 violated"}


def test_a_stop_ends_everything_that_was_open_and_may_refuse_what_opens_meanwhile() -> None:
    written = H(REJECT).join("a").stop().ended("a", 1001).open("b").refused("b", 429).stopped()
    assert says(written) == NOTHING
    assert says(H(REJECT).join("a").restart().join("b").ended("b", 1001)) == CLOSED
    assert says(H(REJECT).join("a").exit().ended("a", 1006)) == {"HF502 violated"}


def test_a_new_process_has_forgotten_the_old_ones_connections_after_t_detect() -> None:
    written = H(REJECT).join("a").restart()
    facts = Facts(written.controls(5.5).history())
    assert facts.surely_released(facts.conns["a"], written.now)
    soon = H(REJECT).join("a").restart().controls(4.5)
    facts = Facts(soon.history())
    assert not facts.surely_released(facts.conns["a"], soon.now)
    assert says(soon.open("b").refused("b", 429)) == NOTHING


def test_a_handshake_under_way_at_the_stop_may_be_served_by_the_new_process() -> None:
    written = H(REJECT).open("a").restart().ok("a").welcome("a").controls(60)
    facts = Facts(written.history())
    assert not facts.surely_released(facts.conns["a"], written.now)
    assert says(written.open("b").refused("b", 429)) == NOTHING


def test_nothing_is_owed_across_a_restart() -> None:
    written = H().join("a", "b").restart().join("c").send("m", "c").controls(60).quiet(complete=False)
    assert says(written) == NOTHING


def test_counts_of_the_old_process_are_compared_with_those_of_the_new_one() -> None:
    written = H().count("connections", 2, "before").join("a").restart().controls(6).count("connections", 2)
    assert says(written) == NOTHING


def test_what_a_server_logs_while_it_is_told_to_end_is_no_crash() -> None:
    assert says(H().stop().log().stopped()) == NOTHING
    assert says(H().restart().log()) == {"HF502 violated"}


@pytest.mark.parametrize("seconds", [0.2, 1.0, 3.0])
def test_time_in_which_we_had_stopped_the_server_is_not_healthy(seconds: float) -> None:
    written = H().join("a", "b").send("m", "a").controls(1).pause(seconds).controls(1)
    facts = Facts(written.history())
    assert facts.healthy(0, written.now) <= 2.02


def test_a_pause_may_cost_connections_of_a_hub_with_a_heartbeat() -> None:
    assert says(H(Policy(t_heartbeat=1.0)).join("a").pause(0.3).ended("a", 1011)) == {"HF301 inconclusive"}
    assert says(H().join("a").pause(3).ended("a", 1011)) == {"HF301 inconclusive"}
    assert says(H().join("a").pause(0.1).ended("a", 1011)) == CLOSED


def test_a_control_pair_that_fails_while_the_server_is_stopped_shows_nothing() -> None:
    written = H().phase("canary").join("k", role="canary").stop().controls(60, ok=False).quiet(complete=False)
    assert "HF501 violated" not in says(written)
