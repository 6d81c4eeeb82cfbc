"""Correct hubs that give a place back early or late: rooms, slots, sessions, and the ends of connections."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.history import Joined, SubInv, UnsubInv, UnsubOk
from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy

HEIRS = Policy(group="room", sessions="takeover")


def convicted(written: H) -> list[str]:
    return [finding.code for finding in judge(written.history()).violations]


# HF201 rooms: who has begun to leave a room takes no place in it, though it may read on for a moment
@pytest.mark.parametrize(("leaving", "said"), [(True, []), (False, ["HF201"])])
@pytest.mark.parametrize("order", ["fifo", "none"])
def test_who_is_leaving_a_room_may_read_on_for_a_moment_when_its_place_is_free(
    order: str, leaving: bool, said: list[str]
) -> None:
    written = H(Policy(group="room", max_rooms=1, order=order)).join("a", "b", "c").sub("b", "a").sub("c", room="r1")  # type: ignore[arg-type]
    if leaving:
        written.add(UnsubInv, conn="a", room="r0")
    written.sub("a", room="r1").send("m", "b", room="r0").got("m", "b", "a").send("n", "c", room="r1").got(
        "n", "c", "a"
    )
    assert convicted(written) == said


# HF201 rooms: two stays in one room that are noted as one (order none: an open request to join comes after the leaving)
def test_a_request_to_join_that_is_handled_after_the_leaving_begins_another_stay() -> None:
    written = H(Policy(group="room", max_rooms=1, order="none")).join("b", "c").sub("b").sub("c", room="r1")
    written.join("a").sub("a").add(SubInv, conn="a", room="r0").unsub("a")  # the second request is still open
    written.sub("a", room="r1").send("n", "c", room="r1").got("n", "c", "a").unsub("a", room="r1")
    written.add(Joined, conn="a", group="room:r0").send("m", "b", room="r0").got("m", "b", "a")
    assert convicted(written) == []


# the same, where another connection of the session brings it back (as HF106 already allows)
def test_a_mate_that_brings_the_session_back_into_the_room_begins_another_stay() -> None:
    written = H(Policy(group="room", max_rooms=1, sessions="takeover")).join("b", "c").sub("b").sub("c", room="r1")
    written.join("a", session="s").sub("a").unsub("a").sub("a", room="r1")
    written.send("n", "c", room="r1").got("n", "c", "a").unsub("a", room="r1")
    written.join("a2", session="s").sub("a2").send("m", "b", room="r0").got("m", "b", "a", "a2")
    assert convicted(written) == []


# HF201: every cause for which a hub may end a connection may free its slot a moment before the deliveries stop
def given_cause(cause: str) -> H:
    limit = Limit(1, statuses=(429,))
    if cause == "lifetime":
        return H(Policy(limit=limit, t_lifetime=1.0)).join("a").controls(1.2)
    if cause == "idle":
        return H(Policy(limit=limit, t_idle=1.0)).join("a").controls(1.2, every=0.05)
    if cause == "rate":
        return H(Policy(limit=limit, rate=1)).join("a").send("x", "a").got("x", "a")
    if cause == "oversize":
        return H(Policy(limit=limit, max_size=2000)).join("a").send("x", "a", size=4000)
    return H(Policy(limit=limit)).join("a")


@pytest.mark.parametrize(
    ("cause", "said"), [("lifetime", []), ("idle", []), ("rate", []), ("oversize", []), ("none", ["HF201"])]
)
def test_who_may_be_closed_for_its_own_sake_may_read_on_for_a_moment_when_its_slot_is_free(
    cause: str, said: list[str]
) -> None:
    written = given_cause(cause).join("b").send("m", "b").got("m", "a", "b")
    assert convicted(written.ended("a", 4000) if cause != "none" else written) == said


# HF204 wrong: nor is it a candidate for eviction
@pytest.mark.parametrize(("lifetime", "said"), [(1.0, []), (None, ["HF204"])])
def test_who_is_too_old_is_no_candidate_for_eviction(lifetime: float | None, said: list[str]) -> None:
    written = H(Policy(t_lifetime=lifetime, limit=Limit(2, "evict-oldest", codes=(4009,)))).join("a").controls(1.2)
    written.join("b").open("c").open("d").ok("c", "d").welcome("c", "d").ended("b", 4009)
    written.send("m", "c").got("m", "a", "d")
    assert [c for c in convicted(written.ended("a", 4000) if lifetime else written) if c == "HF204"] == said


# HF202/203/405/401/404: a Close (or a failed connection) is answered by the protocol layer at once, while the
#      handler still works through what it had been sent; then it deregisters. (websockets, uvicorn)
def works_through(written: H, end: str) -> H:
    for number in range(20):
        written.send(f"m{number}", "a")
    if end == "close":
        written.closed("a")
    else:
        written.fault("a", "malformed:rsv-bit").ended("a", 1002)
    for number in range(20):
        written.controls(0.1, every=0.05).got(f"m{number}", "b")
    return written


SLOW = Policy(group="all", limit=Limit(1, statuses=(429,)), t_detect=1.0, t_release=0.5, t_presence=0.3, backlog=None)


@pytest.mark.parametrize("end", ["close", "malformed"])
@pytest.mark.parametrize(("more", "said"), [(0.0, []), (2.0, ["HF202"])])
def test_a_close_is_answered_before_the_handler_has_read_all_refusal(end: str, more: float, said: list[str]) -> None:
    written = works_through(H(SLOW).join("a").join("b", user="u1"), end).controls(more, every=0.05)
    assert convicted(written.open("c").refused("c")) == said


@pytest.mark.parametrize(("more", "said"), [(0.0, []), (2.0, ["HF203"])])
def test_a_close_is_answered_before_the_handler_has_read_all_slot(more: float, said: list[str]) -> None:
    written = works_through(H(SLOW).join("a").join("b", user="u1"), "close").controls(more, every=0.05)
    assert convicted(written.open("c", role="slot").refused("c")) == said


@pytest.mark.parametrize(("more", "said"), [(0.0, []), (2.0, ["HF405"])])
def test_a_close_is_answered_before_the_handler_has_read_all_presence(more: float, said: list[str]) -> None:
    written = works_through(H(SLOW).join("a").join("b", user="u1"), "close").controls(more, every=0.05)
    assert convicted(written.ask("b").present("b", "u0", "u1")) == said


def test_a_close_is_answered_before_the_handler_has_read_all_count() -> None:
    policy = Policy(group="all", t_release=0.5, t_detect=1.0, backlog=None)
    written = H(policy).count("connections", 0, "before").join("b", user="u1").join("a")
    for number in range(20):
        written.send(f"m{number}", "a")
    written.closed("a")
    for number in range(12):
        written.controls(0.1, every=0.05).got(f"m{number}", "b")
    written.closed("b").controls(0.6, every=0.05).count("connections", 1)  # of 20 messages at 0.1 s each 18 are done
    assert convicted(written) == []


# the same of messages that nobody is seen to get (as HF403 already allows)
@pytest.mark.parametrize(("more", "said"), [(0.0, []), (6.0, ["HF202"])])
def test_the_end_of_a_connection_comes_behind_what_nobody_was_seen_to_get(more: float, said: list[str]) -> None:
    policy = Policy(limit=Limit(1, statuses=(429,)), t_detect=1.0, t_release=0.5, backlog=None, echo="never")
    written = H(policy).join("a")
    for number in range(20):
        written.send(f"m{number}", "a")
    assert convicted(written.drop("a", "fin").controls(1.2 + more, every=0.05).open("c").refused("c")) == said


# HF101 gap: between the two messages it had left, and another connection of the session brought it back
@pytest.mark.parametrize(("policy", "said"), [(HEIRS, []), (Policy(group="room"), ["HF105", "HF106", "HF101"])])
def test_a_mate_may_have_brought_it_back_between_two_messages(policy: Policy, said: list[str]) -> None:
    written = H(policy).join("b").sub("b").join("a", session="s").sub("a").send("m1", "b", room="r0")
    written.unsub("a").got("m1", "b").join("a2", session="s").sub("a2")
    written.send("m2", "b", room="r0").got("m2", "b", "a", "a2")
    assert [c for c in convicted(written) if c == "HF101"] == [c for c in said if c == "HF101"]


# HF101 silence and gap: the leaving that the replaced connection had asked for takes the session out of the room
def left_late(policy: Policy) -> H:
    written = H(policy).join("b").sub("b").join("a", session="s").sub("a").add(UnsubInv, conn="a", room="r0")
    written.join("a2", session="s").sub("a2").add(UnsubOk, conn="a", room="r0")  # handled last
    return written.send("m", "b", room="r0").got("m", "b")


@pytest.mark.parametrize(("policy", "said"), [(HEIRS, []), (Policy(group="room"), ["HF101"])])
def test_a_late_leaving_of_the_old_connection_may_take_its_session_out(policy: Policy, said: list[str]) -> None:
    assert convicted(left_late(policy).controls(6.0).quiet(False)) == said


@pytest.mark.parametrize(("policy", "said"), [(HEIRS, []), (Policy(group="room"), ["HF101"])])
def test_and_its_next_request_to_join_brings_it_back(policy: Policy, said: list[str]) -> None:
    assert convicted(left_late(policy).sub("a").send("m2", "b", room="r0").got("m2", "b", "a2")) == said


# a session's late request to join is read out to its newest connection
@pytest.mark.parametrize(("policy", "said"), [(HEIRS, []), (Policy(group="room"), ["HF103"])])
def test_what_a_mate_asked_for_may_be_read_out_to_the_heir(policy: Policy, said: list[str]) -> None:
    written = H(policy).join("b").sub("b").join("a", session="s").add(SubInv, conn="a", room="r0")
    written.join("a2", session="s").sub("a2").send("m", "b", room="r0").got("m", "b", "a2").got("m", "a2")
    assert convicted(written.add(Joined, conn="a", group="room:r0")) == said


# HF101 gap: the sender was out of the room when its message was handled, because a mate had left for the session
@pytest.mark.parametrize(("policy", "said"), [(HEIRS, []), (Policy(group="room"), ["HF101"])])
def test_a_mate_may_have_taken_the_sender_out_of_the_room_for_a_moment(policy: Policy, said: list[str]) -> None:
    written = H(policy).join("c").sub("c").join("a", session="s").sub("a").join("a2", session="s").sub("a2")
    written.send("m1", "a", room="r0").unsub("a2").sub("a2").send("m2", "a", room="r0").got("m2", "c")
    assert convicted(written) == said


# HF204 needless, by the same cause
@pytest.mark.parametrize(("more", "said"), [(0.0, []), (2.0, ["HF204"])])
def test_a_close_is_answered_before_the_handler_has_read_all_eviction(more: float, said: list[str]) -> None:
    policy = Policy(limit=Limit(2, "evict-oldest", codes=(4009,)), t_detect=1.0, t_release=0.5, backlog=None)
    written = works_through(H(policy).join("b", "a"), "close").controls(more, every=0.05)
    assert convicted(written.open("c").ok("c").welcome("c").ended("b", 4009)) == said


def test_a_bad_token_is_answered_who_is_present() -> None:
    written = H(Policy(t_presence=0.3)).join("a").open("c", token="expired").ok("c").ask("c").present("c", "u0")
    assert convicted(written) == ["HF601"]


@pytest.mark.parametrize(("pushed", "said"), [(True, []), (False, ["HF405"])])
def test_where_presence_is_told_unasked_no_answer_can_be_told_from_news(pushed: bool, said: list[str]) -> None:
    written = H(Policy(t_presence=0.5)).join("a").join("b", user="u1").join("d", user="u2").controls(0.7).ask("a")
    written.present("a", "u0", "u1")  # news of a moment ago, and then the answer
    assert convicted(written.present("a", "u0", "u1", "u2") if pushed else written) == said


# HF405: who asks may be evicted, or closed for its age, before it is answered: off the lists, its Close not yet read
@pytest.mark.parametrize("cause", ["evict", "lifetime"])
@pytest.mark.parametrize(("given", "said"), [(True, []), (False, ["HF405"])])
def test_who_asks_and_is_a_member_no_more_may_be_told_nothing(cause: str, given: bool, said: list[str]) -> None:
    policy = Policy(
        t_presence=0.3,
        limit=Limit(1, "evict-oldest", codes=(4009,)) if cause == "evict" else None,
        t_lifetime=2.0 if cause == "lifetime" else None,
    )
    written = H(policy).join("a").join("x", user="u1").controls(0.5).ask("a")
    if given and cause == "evict":
        written.open("b")
    if given and cause == "lifetime":
        written.controls(1.5)
    written.present("a")
    assert convicted(written.ended("a", 4009) if given else written) == said
