"""What correct hubs may do, and what judges have once convicted: each history is from a review of the judges."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.history import Control, Joined, Lag, SrvEof, SrvRst, SubInv, UnsubInv, UnsubOk
from fuzzer.invariants import judge
from fuzzer.plan import Plan
from fuzzer.policy import CloseCodes, Limit, Policy


def convicted(written: H) -> list[str]:
    return [finding.code for finding in judge(written.history()).violations]


# ---- history that is read out before the hub registers ---------------------------------------------------------------


def met(policy: Policy) -> H:
    """a and b have heard each other, and what each then says; what the hub greets them with proves nothing."""
    written = H(policy).open("a", "b").ok("a", "b").send("w1", "a").got("w1", "b")
    written.welcomes_count = False
    return written.send("w2", "b").got("w2", "a").send("w3", "a").got("w3", "b")


def read_out(written: H) -> H:
    """The hub stores and broadcasts m1, comes to the request of c, reads out to it, waits, and only then registers."""
    written.open("c").send("m1", "a").got("m1", "b").ok("c").got("m1", "c")
    written.send("m2", "a").got("m2", "b").add(Joined, conn="c", group="user:u0")
    return written.send("m3", "a").got("m3", "b", "c")


@pytest.mark.parametrize(
    "policy", [Policy(), Policy(join_evidence="welcome", echo="never")], ids=["default", "welcome"]
)
def test_history_proves_no_membership(policy: Policy) -> None:
    assert convicted(read_out(H(policy).join("a", "b"))) == []
    assert convicted(read_out(met(Policy(echo="never")))) == []


def test_what_is_read_out_is_membership_where_nothing_old_ever_is() -> None:
    assert convicted(read_out(met(Policy(replay="none")))) == ["HF101"]


def test_history_of_a_room_proves_no_membership_of_it() -> None:
    written = H(Policy(group="room")).join("a", "b", "c").sub("a", "b").add(SubInv, conn="c", room="r0")
    written.send("m1", "a", room="r0").got("m1", "b", "c").send("m2", "a", room="r0").got("m2", "b")
    written.add(Joined, conn="c", group="room:r0").send("m3", "a", room="r0").got("m3", "b", "c")
    assert convicted(written) == []


def test_who_is_read_to_and_then_refused_was_never_a_member() -> None:
    written = H(Policy(limit=Limit(1, codes=(4009,)))).join("a").open("c").send("m1", "a").got("m1", "a")
    written.ok("c").got("m1", "c").send("m2", "a").got("m2", "a", "c").ended("c", 4009)
    assert convicted(written) == []


def test_a_page_of_what_was_missed_may_come_after_a_live_message() -> None:
    written = H(Policy()).join("a", "b").open("c").send("m1", "a").got("m1", "b").ok("c").got("m1", "c")
    written.send("m2", "a").got("m2", "b").add(Joined, conn="c", group="user:u0")
    assert convicted(written.send("m3", "a").got("m3", "b", "c").got("m2", "c")) == []


def heard(written: H) -> H:
    """c says something that others hear, then gets what was sent later, and then misses one."""
    written.open("c").ok("c").send("mine", "c").got("mine", "a", "b")
    written.send("m1", "a").got("m1", "b", "c").send("m2", "a").got("m2", "b")
    return written.send("m3", "a").got("m3", "b", "c")


def test_what_was_sent_after_it_had_been_heard_is_no_history() -> None:
    assert convicted(heard(met(Policy(echo="never")))) == ["HF101"]


def test_but_where_the_hub_says_welcome_nothing_else_is_needed_and_nothing_else_counts() -> None:
    assert convicted(heard(H(Policy(echo="never", join_evidence="welcome")).join("a", "b"))) == []


# ---- sessions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["reject", "evict-oldest"])
def test_who_is_replaced_and_lingers_takes_no_slot(over: str) -> None:
    limit = Limit(1, over, codes=(4009,), statuses=(429,))  # type: ignore[arg-type]
    written = H(Policy(sessions="takeover", limit=limit)).join("a", session="s0").join("b", session="s0")
    assert convicted(written.send("m0", "a").send("m1", "b").got("m0", "b").got("m1", "a").ended("a", 4001)) == []
    other = H(Policy(sessions="takeover", limit=limit)).join("a", session="s0").join("b", session="s1")
    assert convicted(other.send("m0", "a").send("m1", "b").got("m0", "b").got("m1", "a")) == ["HF201"]


def test_who_is_replaced_and_lingers_is_not_the_oldest() -> None:
    written = H(Policy(sessions="takeover", limit=Limit(2, "evict-oldest", codes=(4009,))))
    written.join("a", session="s0").join("b", session="s1").join("a2", session="s0")
    written.open("d", session="s2").ok("d").welcome("d").ended("b", 4009)
    assert convicted(written.send("m1", "d").got("m1", "a", "a2", "d").ended("a", 4001)) == []


def resumed(policy: Policy) -> H:
    written = H(policy).join("a", session="s0").join("b").sub("a", "b").drop("a").join("a2", session="s0")
    return written.send("m", "b", room="r0").got("m", "b", "a2")


def test_a_session_may_keep_its_rooms() -> None:
    assert convicted(resumed(Policy(sessions="takeover", group="room"))) == []
    assert convicted(resumed(Policy(group="room"))) == ["HF105"]


# ---- queues, rates, orders -------------------------------------------------------------------------------------------


def crowd(frames: int) -> H:
    written = H(Policy()).join("a", "c")
    for number in range(8):
        written.send(f"m.{number}", "a")
    for _ in range(frames):
        written.frame("c", '{"type":"presence"}')
    for number in range(6):
        written.got(f"m.{number}", "c")
    return written.got("m.7", "c")


def test_other_frames_fill_the_queue_of_a_reader_as_well() -> None:
    assert convicted(crowd(9)) == []
    assert convicted(crowd(2)) == ["HF101"]


@pytest.mark.parametrize(("group", "said"), [("all", []), ("user", ["HF101"])])
def test_where_all_are_one_group_so_do_the_messages_of_the_control_pair(group: str, said: list[str]) -> None:
    written = H(Policy(group=group)).join("a", "c")  # type: ignore[arg-type]
    for number in range(15):
        written.send(f"m.{number}", "a")
    written.controls(0).send("m.15", "a")
    for number in range(15):
        written.got(f"m.{number}", "c")
    assert convicted(written.send("~a@~0", "a").got("~a@~0", "c")) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.1, []), (6.0, ["HF101"])])
def test_a_hub_that_works_through_what_the_sender_sent_before_is_not_silent(seconds: float, said: list[str]) -> None:
    written = (
        H(Policy(group="room", echo="never")).join("a", "c", "d").sub("a", "d", room="r0").sub("a", "c", room="r1")
    )
    for number in range(60):
        written.send(f"x.{number}", "a", room="r0")
    written.send("m", "a", room="r1")
    for number in range(60):
        written.controls(0.1).got(f"x.{number}", "d")
    assert convicted(written.controls(seconds).quiet(False)) == said


def test_the_token_may_count_as_the_first_message() -> None:
    written = H(Policy(rate=3)).join("a", "b").send("m1", "a").got("m1", "b").send("m2", "a").got("m2", "b")
    written.send("m3", "a")
    assert convicted(written.ended("a", 1008)) == []


def split(agreement: bool) -> H:
    written = (
        H(Policy(order="causal", agreement=agreement)).join("a", "b", "c").send("m1", "a").drop("a").got("m1", "b")
    )
    return written.send("m2", "b").got("m2", "c")


def test_an_answer_may_come_without_its_question_where_nothing_is_agreed_on() -> None:
    assert convicted(split(agreement=False)) == []
    assert convicted(split(agreement=True)) == ["HF112"]


@pytest.mark.parametrize(("order", "said"), [("none", []), ("fifo", ["HF106"])])
def test_requests_may_be_handled_in_any_order_where_there_is_none(order: str, said: list[str]) -> None:
    written = H(Policy(order=order, group="room")).join("a", "b").sub("b")  # type: ignore[arg-type]
    written.add(SubInv, conn="a", room="r0").add(UnsubInv, conn="a", room="r0").add(UnsubOk, conn="a", room="r0")
    written.add(Joined, conn="a", group="room:r0")
    assert convicted(written.send("m", "b", room="r0").got("m", "b", "a")) == said


# ---- ends ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "said"), [("huge-length", []), ("reserved-opcode", ["HF503"])])
def test_a_length_of_2_to_the_63_may_be_called_too_big(kind: str, said: list[str]) -> None:
    policy = Policy(close_codes=CloseCodes(malformed=(1002,), oversize=(1009,)))
    assert convicted(H(policy).join("a").fault("a", f"malformed:{kind}").ended("a", 1009)) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.95, []), (0.05, ["HF301"])])
def test_a_server_that_was_starved_sees_a_pong_late(seconds: float, said: list[str]) -> None:
    written = H(Policy(t_heartbeat=1.0)).join("a", "b").controls(0.5, every=0.05)
    since = written.now
    written.wait(seconds).add(Control, ok=True, since=since)
    assert convicted(written.ended("a", 1011)) == said


@pytest.mark.parametrize(("how", "said"), [(SrvRst, []), (SrvEof, ["HF301"])])
def test_a_reset_may_have_swallowed_the_refusal(how: type, said: list[str]) -> None:
    policy = Policy(join_evidence="handshake", limit=Limit(1, codes=(4429,)))
    assert convicted(H(policy).join("a").open("b").ok("b").ended("b", how)) == said


def slow_reader(messages: int, stood_still: float = 0.0) -> H:
    policy = Policy(group="room", sessions="takeover", limit=Limit(2, statuses=(429,)))
    written = H(policy).join("a", session="s").join("c").sub("a", "c")
    written.send("~0", "a", room="r0").got("~0", "a", "c")
    for number in range(messages):
        written.send(f"m{number}", "c", room="r0", size=3000).got(f"m{number}", "c")
    if stood_still:
        written.wait(stood_still).add(Lag, seconds=stood_still)
    return written.open("b", session="s").refused("b")


def test_the_slot_of_a_session_that_was_given_up_as_slow_has_its_own_time() -> None:
    assert convicted(slow_reader(20).got("m0", "a").ended("a", 1013)) == []
    assert convicted(slow_reader(0, stood_still=3.0)) == [], "it may have been given up for dead"
    assert convicted(slow_reader(0)) == ["HF404"]


# ---- presence, heartbeat, floods -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("progress", "said"), [(0.15, []), (0.0, ["HF403"])])
def test_who_is_mute_is_silent_only_when_the_hub_has_read_what_it_had_sent(progress: float, said: list[str]) -> None:
    written = H(Policy(group="all", t_heartbeat=1.0, t_presence=0.3)).join("a").join("b", user="u1").controls(0.2)
    for number in range(10):
        written.send(f"m{number}", "a")
    written.fault("a", "mute")
    for number in range(10):
        written.controls(progress, every=0.05).got(f"m{number}", "a", "b")
    if not progress:
        written.controls(1.5, every=0.05)
    assert convicted(written.ask("b").present("b", "u0", "u1")) == said


@pytest.mark.parametrize(("more", "said"), [(0.0, []), (5.0, ["HF403"])])
def test_who_is_mute_and_whose_messages_nobody_gets_may_be_heard_of_until_the_deadline(
    more: float, said: list[str]
) -> None:
    written = H(Policy(echo="never", t_heartbeat=1.0, t_presence=0.3)).join("a").join("b", user="u1")
    written.send("m", "a").fault("a", "mute").controls(1.5 + more, every=0.05)
    assert convicted(written.ask("b").present("b", "u0", "u1")) == said


def odd_name(*answers: tuple[str, ...]) -> H:
    """u0, who has an odd name, is there all the while; what the answers call it is another matter."""
    written = H(Policy(t_presence=0.5)).join("a").join("b", user="u1").controls(1.0)
    written.plan = Plan((), names={"u0": "STRASSE \u00df"})
    for users in answers:
        written.ask("b").present("b", *users)
    return written


def test_who_has_an_odd_name_may_be_spelt_otherwise_until_an_answer_has_named_it_so() -> None:
    assert convicted(odd_name(("u1",))) == []
    assert convicted(odd_name(("u0", "u1"), ("u1",))) == ["HF405"]


def asked(*, stalled: bool) -> H:
    written = H(Policy(t_presence=0.5, t_release=0.5)).join("a")
    if stalled:
        written.fault("a", "stall")
    written.join("b", user="u1").closed("b").controls(2.0).ask("a")
    return (written.healed("a") if stalled else written).present("a", "u0", "u1")


def test_to_who_stalls_old_news_may_look_like_an_answer() -> None:
    assert convicted(asked(stalled=True)) == []
    assert convicted(asked(stalled=False)) == ["HF405"]


@pytest.mark.parametrize(("seconds", "said"), [(60.0, []), (0.0, ["HF303"])])
def test_what_gathered_while_we_were_suspended_is_no_flood(seconds: float, said: list[str]) -> None:
    written = H().join("a", "b").wait(seconds).frame("a", "tick", 600)
    assert convicted(written.add(Lag, seconds=seconds) if seconds else written) == said
