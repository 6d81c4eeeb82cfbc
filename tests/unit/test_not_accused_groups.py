"""What correct hubs may do with rooms, sessions, queues and order: each history is from a review of the judges."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.history import Joined, SubInv, UnsubInv, UnsubOk
from fuzzer.invariants import judge
from fuzzer.plan import Send
from fuzzer.policy import Policy

ROOMS = Policy(group="room")
HEIRS = Policy(group="room", sessions="takeover")


def convicted(written: H) -> list[str]:
    return [finding.code for finding in judge(written.history()).violations]


def asks_to_join(written: H, conn: str, room: str = "r0") -> H:
    return written.add(SubInv, conn=conn, room=room)


def has_joined(written: H, conn: str, room: str = "r0") -> H:
    return written.add(Joined, conn=conn, group=f"room:{room}")


# ---- rooms that a session keeps --------------------------------------------------------------------------------------


def taken_over(policy: Policy) -> H:
    """a2 has r0 by the session of a."""
    written = H(policy).join("a", session="s0").join("b").sub("a", "b")
    return written.join("a2", session="s0").ended("a", 4001)


def test_what_an_heir_read_before_it_subscribed_was_not_read_out() -> None:
    written = taken_over(Policy(group="room", sessions="takeover", replay="none"))
    for name in ("m1", "m2"):
        written.send(name, "b", room="r0").got(name, "b", "a2")
    assert convicted(written.sub("a2")) == []


def stranger(policy: Policy) -> H:
    """c, of no session before, subscribes when m1 is long over, and reads it."""
    written = H(policy).join("b", "d").sub("b", "d").join("c", session="s9")
    for name in ("m1", "m2"):
        written.send(name, "b", room="r0").got(name, "b", "d")
    return written.sub("c").got("m1", "c")


def test_who_inherited_nothing_is_read_out_to() -> None:
    assert convicted(stranger(Policy(group="room", sessions="takeover", replay="none"))) == ["HF105"]


@pytest.mark.parametrize(("policy", "said"), [(HEIRS, []), (ROOMS, ["HF103", "HF105", "HF301"])])
def test_an_heir_that_subscribes_again_may_be_read_out_what_it_has(policy: Policy, said: list[str]) -> None:
    written = taken_over(policy).send("m1", "b", room="r0").got("m1", "b", "a2")
    assert sorted(convicted(has_joined(asks_to_join(written, "a2").got("m1", "a2"), "a2"))) == sorted(said)


@pytest.mark.parametrize("late", [True, False], ids=["in-flight", "lingering"])
@pytest.mark.parametrize(("sessions", "said"), [("takeover", []), ("independent", ["HF106"])])
def test_another_connection_of_the_session_may_bring_it_back_into_the_room(
    late: bool, sessions: str, said: list[str]
) -> None:
    written = H(Policy(group="room", sessions=sessions)).join("b").sub("b").join("a", session="s0")  # type: ignore[arg-type]
    if late:
        asks_to_join(written, "a").join("a2", session="s0").sub("a2").unsub("a2")
        has_joined(written, "a")
    else:
        written.join("a2", session="s0").sub("a2").unsub("a2").sub("a")
    assert convicted(written.send("m", "b", room="r0").got("m", "b", "a", "a2")) == said


@pytest.mark.parametrize(("sessions", "said"), [("takeover", []), ("independent", ["HF301"])])
def test_messages_of_an_inherited_room_fill_the_queue(sessions: str, said: list[str]) -> None:
    written = H(Policy(sessions=sessions)).join("a", session="s0").join("b").sub("a", "b").drop("a")  # type: ignore[arg-type]
    written.join("a2", session="s0").send("x", "b").got("x", "a2", "b")
    for number in range(12):  # in any other queue they would take a place each
        written.send(f"m{number}", "b", room="r0", size=3000)
    assert convicted(written.ended("a2", 1013)) == said


# ---- queues ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("messages", "said"), [(14, []), (13, ["HF101"])])
def test_answers_wait_in_the_queue_of_their_reader_too(messages: int, said: list[str]) -> None:
    written = H(Policy()).join("a", "c")
    asks_to_join(asks_to_join(written, "c"), "c", "r1").add(UnsubInv, conn="c", room="r0")
    for number in range(messages):
        written.send(f"m{number}", "a")
    has_joined(has_joined(written, "c"), "c", "r1").add(UnsubOk, conn="c", room="r0")
    for number in range(messages - 1):
        written.got(f"m{number}", "c")
    assert convicted(written.send("z", "a").got("z", "c")) == said


@pytest.mark.parametrize(("again", "said"), [(True, []), (False, ["HF101"])])
def test_a_message_waits_twice_for_who_subscribes_meanwhile(again: bool, said: list[str]) -> None:
    written = H(ROOMS).join("a", "c").sub("a", "c")
    asks_to_join(written, "c", "r0" if again else "r1")
    for number in range(9):
        written.send(f"m{number}", "a", room="r0")
    for number in range(8):
        written.got(f"m{number}", "c")
    has_joined(written, "c", "r0" if again else "r1")
    assert convicted(written.send("z", "a", room="r0").got("z", "c")) == said


@pytest.mark.parametrize(("fill", "said"), [("unicode", []), ("ascii", ["HF101"])])
def test_two_units_of_utf_16_are_twelve_bytes_when_escaped(fill: str, said: list[str]) -> None:
    sent = Send("a", "m1", size=65_000, fill=fill)  # type: ignore[arg-type]
    written = H(Policy(backlog=400_000), sent).join("a", "c").send("m1", "a", size=65_000).send("m2", "a")
    assert convicted(written.got("m2", "c")) == said


# ---- what was over ---------------------------------------------------------------------------------------------------


def late_copy(policy: Policy, *, deaf: bool) -> H:
    """b has read m1 and m2, and the sender its own, when c begins to join and reads m1."""
    written = H(policy).join("a", "b").send("m1", "a", size=3_000_000).send("m2", "a")
    if deaf:
        written.drop("a", "vanish")
    else:
        written.got("m1", "a").got("m2", "a")
    return written.got("m1", "b").got("m2", "b").open("c").ok("c").welcome("c").got("m1", "c")


def test_one_who_reads_nothing_holds_up_a_broadcast_for_those_behind_it() -> None:
    assert convicted(late_copy(Policy(replay="none"), deaf=True)) == []
    assert convicted(late_copy(Policy(replay="none"), deaf=False)) == ["HF105"]


def test_where_all_are_one_group_the_control_pair_may_hold_it_up() -> None:
    assert convicted(late_copy(Policy(replay="none", group="all"), deaf=False)) == []


@pytest.mark.parametrize(("early", "said"), [(False, []), (True, ["HF102"])])
def test_what_one_who_came_later_read_out_of_a_store_was_perhaps_never_broadcast(early: bool, said: list[str]) -> None:
    written = H(Policy()).join("a", "c")
    if early:
        written.join("x").send("~0", "a").got("~0", "x", "c")
    written.send("m", "a").drop("a")
    if not early:
        written.open("x").ok("x")
    written.got("m", "x")
    if not early:
        written.welcome("x")
    assert convicted(written.controls(6.0).quiet(False)) == said


# ---- no order --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "said"), [("none", []), ("fifo", ["HF101"])])
def test_a_request_to_leave_may_be_handled_after_a_later_one_to_join(order: str, said: list[str]) -> None:
    written = H(Policy(order=order, group="room")).join("a", "c").sub("a")  # type: ignore[arg-type]
    asks_to_join(asks_to_join(written, "c").add(UnsubInv, conn="c", room="r0"), "c")
    has_joined(has_joined(written, "c"), "c").add(UnsubOk, conn="c", room="r0")
    written.send("m", "a", room="r0").got("m", "a").controls(6.0).quiet(False)
    assert convicted(written) == said


@pytest.mark.parametrize(("order", "said"), [("none", []), ("fifo", ["HF103"])])
def test_what_was_asked_later_may_be_done_sooner(order: str, said: list[str]) -> None:
    written = asks_to_join(H(Policy(order=order, group="room")).join("a", "c").sub("a", "c"), "c")  # type: ignore[arg-type]
    written.send("x", "c", room="r0").got("x", "a").send("m", "a", room="r0").got("m", "c").got("m", "c")
    assert convicted(has_joined(written, "c")) == said


@pytest.mark.parametrize(("order", "said"), [("none", []), ("fifo", ["HF405"])])
def test_two_questions_may_be_answered_the_other_way_round(order: str, said: list[str]) -> None:
    written = H(Policy(order=order, t_presence=0.5)).join("a").join("b", user="u1").controls(0.6).ask("a")  # type: ignore[arg-type]
    written.join("d", user="u2").controls(0.7).ask("a")
    assert convicted(written.present("a", "u0", "u1", "u2").present("a", "u0", "u1")) == said


# ---- copies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("echo", "said"), [("either", []), ("always", []), ("never", ["HF105", "HF106"])])
def test_who_publishes_to_a_room_that_it_has_left_may_be_answered_with_a_copy(echo: str, said: list[str]) -> None:
    written = H(Policy(group="room", echo=echo)).join("a", "b").sub("a", "b").unsub("a")  # type: ignore[arg-type]
    assert sorted(convicted(written.send("m", "a", room="r0").got("m", "b", "a"))) == said


def test_the_messages_of_others_are_no_copies() -> None:
    written = H(ROOMS).join("a", "b").sub("a", "b").unsub("a").send("m", "b", room="r0").got("m", "b", "a")
    assert convicted(written) == ["HF106"]


def publishes_uninvited(answer: str) -> H:
    """a is in r0, has asked to be in r1, too, and publishes there; b is in r1."""
    written = H(Policy(group="room", max_rooms=1)).join("a", "b").sub("a").sub("b", room="r1")
    asks_to_join(written, "a", "r1")
    written = written.not_joined("a", "r1") if answer == "no" else has_joined(written, "a", "r1")
    return written.send("m", "a", room="r1").got("m", "b", "a").send("m2", "a", room="r1").got("m2", "b", "a")


@pytest.mark.parametrize(("answer", "said"), [("no", []), ("yes", ["HF201"])])
def test_copies_of_its_own_make_nobody_a_member_of_a_room_that_it_was_refused(answer: str, said: list[str]) -> None:
    assert convicted(publishes_uninvited(answer).send("n", "a", room="r0").got("n", "a")) == said


@pytest.mark.parametrize(("answer", "said"), [("no", []), ("yes", ["HF101"])])
def test_nothing_is_owed_to_who_only_got_copies_of_its_own(answer: str, said: list[str]) -> None:
    written = publishes_uninvited(answer).send("x", "b", room="r1").got("x", "b").controls(6.0).quiet(False)
    assert convicted(written) == said


@pytest.mark.parametrize(("rate", "said"), [(2, []), (None, ["HF101"])])
def test_a_request_above_the_rate_may_have_been_ignored(rate: int | None, said: list[str]) -> None:
    """Not so what a publishes then, of which it gets a copy: it is in the room from its second request on."""
    written = asks_to_join(H(Policy(group="room", rate=rate)).join("a", "b").sub("b"), "a")
    written.send("m", "a", room="r0").got("m", "b", "a").send("x", "b", room="r0")
    has_joined(asks_to_join(written, "a"), "a").send("y", "b", room="r0").got("y", "b", "a")
    written.welcomes_count = False
    assert convicted(written) == said


@pytest.mark.parametrize(("order", "said"), [("none", []), ("fifo", ["HF101"])])
def test_what_was_published_behind_a_request_to_join_may_be_handled_before_it(order: str, said: list[str]) -> None:
    written = H(Policy(group="room", order=order)).join("a", "b").sub("b")  # type: ignore[arg-type]
    asks_to_join(written, "a").send("m", "a", room="r0").got("m", "b", "a").send("x", "b", room="r0")
    written.welcomes_count = False
    assert convicted(has_joined(written, "a").controls(6.0).quiet(False)) == said


@pytest.mark.parametrize(("answer", "said"), [("no", []), ("yes", ["HF101"])])
def test_history_read_out_at_the_second_request_proves_nothing_of_the_first(answer: str, said: list[str]) -> None:
    written = publishes_uninvited(answer).send("x", "b", room="r1").unsub("a", room="r0")
    asks_to_join(written, "a", "r1").got("x", "a").send("y", "b", room="r1")
    written = has_joined(written, "a", "r1").send("z", "b", room="r1").got("z", "a")
    assert convicted(written) == said


@pytest.mark.parametrize(("first", "said"), [("publishes", []), ("joins", ["HF103"])])
def test_a_copy_of_its_own_and_then_history_with_it(first: str, said: list[str]) -> None:
    written = H(ROOMS).join("a", "b").sub("b")
    written = written.sub("a") if first == "joins" else written
    written.send("m", "a", room="r0").got("m", "a", "b")
    written = asks_to_join(written, "a") if first == "publishes" else written
    assert convicted(has_joined(written.got("m", "a"), "a") if first == "publishes" else written.got("m", "a")) == said


@pytest.mark.parametrize(("again", "said"), [(False, []), (True, ["HF105"])])
def test_copies_of_its_own_from_before_it_joined_are_no_history(again: bool, said: list[str]) -> None:
    written = H(Policy(group="room", replay="none")).join("a", "b").sub("b")
    written.send("m", "a", room="r0").send("m2", "a", room="r0").got("m", "a", "b").got("m2", "a", "b")
    written = has_joined(asks_to_join(written, "a"), "a")
    assert convicted(written.got("m", "a") if again else written) == said


# HF113: a hub may answer who publishes with a copy at once, and then put the message into the queue of the group
@pytest.mark.parametrize(
    ("echo", "readers", "said"),
    [("either", "ab", []), ("always", "ab", ["HF113"]), ("either", "cd", ["HF113"]), ("never", "cd", ["HF113"])],
)
def test_a_copy_for_who_publishes_has_no_place_in_the_order(echo: str, readers: str, said: list[str]) -> None:
    policy = Policy(order="total", echo=echo)  # type: ignore[arg-type]
    written = H(policy).join("a", "b", "c", "d").send("m", "a").send("n", "b")
    first, second = readers
    assert convicted(written.got("m", first).got("n", second).got("n", first).got("m", second)) == said
