"""The three intervals of a connection and the time that counts (SPEC 2.1, 2.6 and 3)."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.facts import NEVER, Facts
from fuzzer.history import Event, SrvEof
from fuzzer.plan import Fill, Send
from fuzzer.policy import Limit, Policy

HANDSHAKE = Policy(join_evidence="handshake")
EVICT = Policy(limit=Limit(2, "evict-oldest", codes=(4009,)))
TAKEOVER = Policy(sessions="takeover")


def facts(written: H) -> Facts:
    return Facts(written.history())


def at(written: H, kind: str, conn: str) -> int:
    """The index of the first event of a kind on a connection."""
    events: list[Event] = written.events
    return next(i for i, e in enumerate(events) if type(e).__name__ == kind and getattr(e, "conn", "") == conn)


# ---- join evidence -------------------------------------------------------------------------------------------------


def test_a_101_is_no_evidence_of_membership() -> None:
    assert facts(H().open("a").ok("a")).conns["a"].je == NEVER


def test_a_101_is_evidence_by_dial() -> None:
    written = H(HANDSHAKE).open("a").ok("a")
    assert facts(written).conns["a"].je == at(written, "OpenOk", "a")


def test_a_101_is_evidence_only_t_join_healthy_seconds_later() -> None:
    written = H(Policy(join_evidence="handshake", t_join=1.0)).open("a").ok("a")
    assert facts(written.wait(3.0).phase("fence")).conns["a"].je == NEVER
    later = facts(written.controls(2.0).phase("fence"))
    assert later.t(later.conns["a"].je) == pytest.approx(3.002 + 1.0, abs=0.11)


def test_a_welcome_is_evidence() -> None:
    written = H().join("a")
    assert facts(written).conns["a"].je == at(written, "Joined", "a")


def test_a_delivery_is_evidence_where_it_cannot_be_history() -> None:
    written = H(Policy(replay="none")).open("a", "b").ok("a", "b").send("m", "a").got("m", "b")
    assert facts(written).conns["b"].je == at(written, "Dlv", "b")
    assert facts(written).conns["a"].je == NEVER
    assert facts(H().open("a", "b").ok("a", "b").send("m", "a").got("m", "b")).conns["b"].je == NEVER


def test_an_own_echo_is_evidence() -> None:
    written = H().open("a").ok("a").send("m", "a").got("m", "a")
    assert facts(written).conns["a"].je == at(written, "Dlv", "a")


def test_what_was_sent_before_the_opening_may_be_history_and_is_no_evidence() -> None:
    written = H().join("a").send("m", "a").open("b").ok("b").got("m", "b")
    assert (facts(written).conns["b"].je, facts(written).conns["b"].le) == (NEVER, -1)


def test_the_kth_answer_belongs_to_the_kth_subscription() -> None:
    written = H().join("a").sub("a", answered=False).unsub("a").sub("a")
    first, second = facts(written).conns["a"].episodes["room:r0"]
    assert first.je < NEVER
    assert second.je == NEVER


def test_a_subscription_while_subscribed_begins_no_second_stay() -> None:
    written = H().join("a").sub("a").sub("a")
    assert len(facts(written).conns["a"].episodes["room:r0"]) == 1


def test_after_a_second_subscription_a_delivery_proves_no_stay() -> None:
    written = (
        H().join("a", "b").sub("a").sub("b").unsub("b").sub("b", answered=False).send("m", "a", "r0").got("m", "b")
    )
    assert facts(written).conns["b"].episodes["room:r0"][1].je == NEVER


# ---- life evidence -------------------------------------------------------------------------------------------------


def test_life_evidence_is_the_last_sending_whose_copy_arrived() -> None:
    written = H().join("a", "b").send("m0", "a").send("m1", "a").got("m0", "b")
    assert facts(written).conns["b"].le == at(written, "SendInv", "a")


def test_a_later_read_of_an_early_message_does_not_prolong_life() -> None:
    written = H().join("a", "b").send("m", "a").wait(60).got("m", "b")
    assert facts(written).conns["b"].le == at(written, "SendInv", "a")


# ---- end causes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (H().join("a").closed("a"), "CloseInv"),
        (H().join("a").drop("a"), "DropInv"),
        (H().join("a").drop("a", "vanish"), "DropInv"),
        (H().join("a").fault("a", "stall").healed("a"), "FaultInv"),
        (H().join("a").fault("a", "mute"), "FaultInv"),
        (H().join("a").fault("a", "malformed:not-json"), "FaultInv"),
        (H(Policy(max_size=2_000)).join("a").send("m", "a", size=2_001), "SendInv"),
        (H().open("a", token="wrong-claims").ok("a"), "OpenInv"),
    ],
    ids=["close", "drop", "vanish", "stall", "mute", "malformed", "oversize", "bad-token"],
)
def test_what_gives_the_server_a_cause_to_end_it(written: H, kind: str) -> None:
    assert facts(written).conns["a"].x == at(written, kind, "a")


def test_a_member_gives_no_cause() -> None:
    assert facts(H().join("a", "b").drop("b").send("m", "a")).conns["a"].x == NEVER


@pytest.mark.parametrize(
    ("size", "fill", "oversize"),
    [
        (976, "ascii", False),
        (977, "ascii", True),
        (100, "unicode", True),
        (81, "unicode", False),
        (0, "escapes", False),
    ],
)
def test_a_frame_is_measured_in_bytes_with_every_escape(size: int, fill: str, oversize: bool) -> None:
    written = H(Policy(max_size=2_000), Send(conn="a", msg="m", count=2, fill=fill))
    message = facts(written.join("a").send("m.1", "a", size=size)).messages["m.1"]
    assert facts(written).may_be_oversize(message) is oversize


@pytest.mark.parametrize(
    ("name", "fill", "oversize"), [("~a@~0", "ascii", False), ("m", "ascii", False), ("m", "unicode", True)]
)
def test_what_is_as_small_as_a_fence_is_never_too_big(name: str, fill: Fill, oversize: bool) -> None:
    policy = Policy(max_size=1_024)
    written = H(policy, Send(conn="a", msg="m", fill=fill)).join("a").send(name, "a", size=policy.own_size)
    assert facts(written).may_be_oversize(facts(written).messages[name]) is oversize


def test_a_later_opening_of_the_same_session_may_take_over() -> None:
    written = H(TAKEOVER).join("a", session="s").join("b", session="s").join("c", session="t")
    found = facts(written)
    assert [found.conns[c].x for c in "abc"] == [at(written, "OpenInv", "b"), NEVER, NEVER]


def test_openings_that_overlap_may_take_over_from_each_other() -> None:
    written = H(TAKEOVER).open("a", "b", session="s").ok("a", "b").welcome("a", "b")
    assert facts(written).conns["a"].x < facts(written).conns["a"].je
    assert facts(written).conns["b"].x < facts(written).conns["b"].je


def test_nobody_takes_over_without_the_dial_or_from_another_user() -> None:
    same = H().join("a", session="s").join("b", session="s")
    others = H(TAKEOVER).join("a", session="s").join("b", user="u1", session="s")
    assert facts(same).conns["a"].x == NEVER
    assert facts(others).conns["a"].x == NEVER


def test_only_the_oldest_may_be_evicted() -> None:
    written = H(EVICT).join("a", "b", "c")
    found = facts(written)
    assert [found.conns[c].x for c in "abc"] == [at(written, "OpenInv", "c"), NEVER, NEVER]


def test_openings_that_overlap_may_be_evicted_in_any_order() -> None:
    written = H(EVICT).open("a", "b").ok("a", "b").welcome("b", "a").join("c")
    third = at(written, "OpenInv", "c")
    assert [facts(written).conns[c].x for c in "abc"] == [third, third, NEVER]


def test_a_slot_that_may_be_held_by_somebody_surely_older_endangers_nobody() -> None:
    written = H(EVICT).join("a").closed("a").join("b", "c")
    assert facts(written).conns["b"].x == NEVER


def test_a_slot_that_may_be_held_by_somebody_younger_does() -> None:
    written = H(EVICT).join("b").open("a").refused("a").join("c")
    assert facts(written).conns["b"].x == at(written, "OpenInv", "c")


def test_who_takes_a_session_over_may_inherit_its_age() -> None:
    policy = Policy(sessions="takeover", limit=Limit(2, "evict-oldest", codes=(4009,)))
    written = H(policy).join("a", session="s").join("b", session="t").join("c", session="s").join("d", session="v")
    assert facts(written).conns["c"].x < NEVER  # though b, of its own session, is older


# ---- surely released -----------------------------------------------------------------------------------------------


def released(written: H, seconds: float, healthy: bool = True) -> bool:
    written = written.controls(seconds) if healthy else written.wait(seconds)
    return facts(written).surely_released(facts(written).conns["a"], written.now)


@pytest.mark.parametrize(
    ("end", "bound"),
    [
        (lambda h: h.join("a").closed("a"), 2.0),
        (lambda h: h.join("a").drop("a", "reset"), 5.0),
        (lambda h: h.join("a").drop("a", "fin"), 5.0),
        (lambda h: h.join("a").drop("a", "vanish").drop("a", "reset"), 5.0),
        (lambda h: h.open("a").refused("a"), 2.0),
        (lambda h: h.open("a").refused("a", None, "timeout"), 5.0),
        (lambda h: h.join("a").ended("a", 1011), 2.0),
        (lambda h: h.join("a").ended("a", SrvEof), 2.0),
        (lambda h: h.open("a", abandon="before-101").drop("a"), 5.0),
        (lambda h: h.open("a", abandon="after-101").drop("a").ok("a"), 5.0),
    ],
    ids=["close", "reset", "fin", "vanish-reset", "refused", "timeout", "ended", "eof", "before-101", "after-101"],
)
def test_released_after_the_bound_in_healthy_time_only(end: object, bound: float) -> None:
    assert callable(end)
    assert not released(end(H()), bound - 0.1)
    assert released(end(H()), bound + 0.2)
    assert not released(end(H()), 60.0, healthy=False)


@pytest.mark.parametrize(
    "written",
    [
        H().join("a"),
        H().join("a").drop("a", "vanish"),
        H().join("a").close_begun("a"),
        H().join("a").ended("a", 1011, tcp=False),
        H().open("a"),
        H().open("a", abandon="after-101").drop("a"),  # it goes only when the 101 comes
    ],
    ids=["open", "vanished", "closing", "our-tcp-open", "undecided", "after-101-undecided"],
)
def test_not_surely_released_ever(written: H) -> None:
    assert not released(written, 60.0)


# ---- healthy time --------------------------------------------------------------------------------------------------


def test_healthy_time_lies_between_quick_answers() -> None:
    assert facts(H().controls(3.0)).healthy(0.0, 10.0) == pytest.approx(3.0, abs=0.002)
    assert facts(H().controls(3.0)).healthy(1.0, 2.0) == pytest.approx(1.0)
    assert facts(H().controls(3.0)).healthy(5.0, 9.0) == 0.0


def test_a_server_that_is_paused_gives_no_healthy_time() -> None:
    assert facts(H().controls(1.0).wait(60.0).controls(1.0)).healthy(0.0, 90.0) == pytest.approx(2.0, abs=0.004)
    assert facts(H().controls(9.0, ok=False)).healthy(0.0, 10.0) == 0.0


def test_a_slow_answer_is_no_healthy_time() -> None:
    assert facts(H().controls(9.0, every=0.7)).healthy(0.0, 10.0) == 0.0


def test_a_failed_round_trip_breaks_the_stretch() -> None:
    written = H().controls(1.0).controls(0.0, ok=False).controls(1.0)
    assert facts(written).healthy(0.0, 10.0) == pytest.approx(2.0, abs=0.003)


@pytest.mark.parametrize(("lag", "lost"), [(0.09, False), (0.3, True)])
def test_own_lag_spoils_the_stretch_that_it_touches(lag: float, lost: bool) -> None:
    healthy = facts(H().controls(1.0).lag(lag).controls(1.0)).healthy(0.0, 10.0)
    assert (healthy < 2.05) is lost


def test_the_server_is_unanswered_only_while_hubfuzz_is_in_time() -> None:
    assert facts(H().controls(6.0, ok=False)).clock.unanswered(0.0, 9.0) == pytest.approx(6.0, abs=0.01)
    late = H().controls(3.0, ok=False).lag(0.4).controls(3.0, ok=False)
    assert facts(late).clock.unanswered(0.0, 9.0) < 3.1
    assert facts(H().controls(3.0, ok=False).controls(0.0).controls(3.0, ok=False)).clock.unanswered(0.0, 9.0) < 3.1


def test_events_of_unknown_connections_and_messages_are_passed_over() -> None:
    written = H().join("a").got("nobody's", "a").got("m", "ghost").drop("ghost").fault("ghost").healed("ghost")
    written.ended("ghost").unsub("ghost").closed("ghost").sub("ghost").ok("ghost").refused("ghost")
    assert list(facts(written).conns) == ["a"]
