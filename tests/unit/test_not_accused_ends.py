"""What correct hubs may do with ends, slots and times: each history is from a review of the judges."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from histories import H, says

from fuzzer.history import CloseOk, Control, Joined, SrvClose, SrvEof, SubInv, SubRej, UnsubInv, UnsubOk
from fuzzer.invariants import judge
from fuzzer.plan import Send
from fuzzer.policy import CloseCodes, Limit, Policy

BEAT = Policy(t_heartbeat=1.0)
Way = Callable[[H], H]


def convicted(written: H) -> list[str]:
    return [finding.code for finding in judge(written.history()).violations]


# ---- a hub that had reason to give somebody up for dead --------------------------------------------------------------


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [(lambda w: w.lag(3.0), []), (lambda w: w.pause(1.5), []), (lambda w: w.controls(3.0, every=0.05), ["HF504"])],
    ids=["lag", "pause", "well"],
)
def test_a_close_may_cross_the_end_of_a_connection_that_was_given_up(meanwhile: Way, said: list[str]) -> None:
    assert convicted(meanwhile(H(BEAT).join("a", "b")).close_begun("a").ended("a", SrvEof)) == said


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        (lambda w: w.lag(0.2), []),
        (lambda w: w.pause(0.2), []),
        (lambda w: w.wait(0.2), []),  # nothing shows that it ran
        (lambda w: w.controls(0.2, every=0.05), ["HF301"]),
    ],
    ids=["lag", "pause", "unseen", "well"],
)
def test_a_server_is_only_so_patient_as_its_pings(meanwhile: Way, said: list[str]) -> None:
    assert convicted(meanwhile(H(BEAT).join("a", "b").open("c").ok("c")).ended("a", 1011)) == said


@pytest.mark.parametrize(("starved", "said"), [(0.33, []), (0.02, ["HF301"])])
def test_an_idle_timer_may_run_out_before_a_starved_server_reads(starved: float, said: list[str]) -> None:
    written = H(Policy(t_idle=0.6)).join("a", "b").send("m1", "a").got("m1", "b").controls(0.1, every=0.02)
    since = written.now
    written.wait(starved / 2).send("m2", "a").wait(starved / 2).add(Control, ok=True, since=since)
    assert convicted(written.ended("a", 4000)) == said


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [(lambda w: w.pause(2.0), []), (lambda w: w.lag(2.0), []), (lambda w: w.controls(2.0, every=0.05), ["HF405"])],
    ids=["pause", "lag", "well"],
)
def test_presence_may_leave_out_who_was_given_up(meanwhile: Way, said: list[str]) -> None:
    policy = Policy(t_presence=0.5, t_heartbeat=1.0)
    written = meanwhile(H(policy).join("a").join("b", user="u1").controls(1.0, every=0.05))
    assert convicted(written.ask("b").present("b", "u1").ended("a", 1011))[-1:] == said[-1:]


# ---- what a hub still works through ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "said"), [(0.1, []), (0.2, ["HF504"])])
def test_a_close_waits_behind_messages_of_which_nothing_is_seen(seconds: float, said: list[str]) -> None:
    written = H(Policy(echo="never", backlog=None)).join("a").join("x", user="u1")
    for number in range(60):
        written.send(f"m{number}", "a")
    assert convicted(written.close_begun("a").controls(60 * seconds, every=0.05).unanswered("a")) == said


@pytest.mark.parametrize(("more", "said"), [(0.0, []), (2.0, ["HF202"])])
def test_the_end_of_a_connection_comes_behind_what_it_had_sent(more: float, said: list[str]) -> None:
    written = H(Policy(limit=Limit(2, statuses=(429,)), t_detect=1.0, t_release=0.5, backlog=None)).join("a", "b")
    for number in range(20):
        written.send(f"m{number}", "a")
    written.drop("a", "fin")
    for number in range(20):
        written.controls(0.1, every=0.05).got(f"m{number}", "b")
    assert convicted(written.controls(more, every=0.05).open("c").refused("c")) == said


@pytest.mark.parametrize(("wire", "said"), [("fragments", []), ("frames", ["HF301"])])
def test_a_rate_may_count_every_frame_of_a_fragmented_message(wire: str, said: list[str]) -> None:
    sends = [Send(conn="a", msg=name, wire=wire) for name in ("m1", "m2")]  # type: ignore[arg-type]
    written = H(Policy(rate=4), *sends).join("a", "b").send("m1", "a").got("m1", "b").send("m2", "a")
    assert convicted(written.ended("a", 1008)) == said


# ---- slots -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("closing", "said"), [(True, []), (False, ["HF201"])])
def test_who_leaves_may_read_on_for_a_moment_when_its_slot_is_free(closing: bool, said: list[str]) -> None:
    written = H(Policy(limit=Limit(1, statuses=(429,)))).join("a")
    if closing:
        written.close_begun("a")
    assert convicted(written.join("b").send("m", "b").got("m", "a", "b")) == said


def test_whose_token_is_over_may_read_on_for_a_moment_when_its_slot_is_free() -> None:
    policy = Policy(t_expiry=1.0, limit=Limit(1, statuses=(429,)))
    assert convicted(H(policy).join("a", expires=1.0).controls(1.2).join("b").send("m", "b").got("m", "a", "b")) == []


@pytest.mark.parametrize(("closing", "said"), [(True, []), (False, ["HF204"])])
def test_who_leaves_by_itself_is_no_candidate_for_eviction(closing: bool, said: list[str]) -> None:
    written = H(Policy(limit=Limit(2, "evict-oldest", codes=(4009,)))).join("a", "b")
    if closing:
        written.close_begun("a")
    written.open("c").open("d").ok("c", "d").welcome("c", "d").ended("b", 4009).send("m", "c").got("m", "a", "d")
    if closing:
        written.add(SrvClose, conn="a", code=1000).add(CloseOk, conn="a")
    assert [code for code in convicted(written) if code == "HF204"] == said


# ---- floods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "said"), [("all", []), ("user", ["HF303"])])
def test_what_everybody_is_told_of_the_control_pair_is_no_flood(group: str, said: list[str]) -> None:
    written = H(Policy(group=group)).join("a", "b").join("c").wait(1.0)  # type: ignore[arg-type]
    for _ in range(225):
        since = written.now
        written.wait(0.018).frame("c", "one more").add(Control, ok=True, since=since)
    assert convicted(written) == said


# ---- rooms -----------------------------------------------------------------------------------------------------------


def asks_for_a_second_room(answer: type[SubRej | Joined]) -> H:
    """a is in r0, b in r1; at most one room each, or so."""
    written = H(Policy(group="room", max_rooms=1)).join("a", "b").sub("a").sub("b", room="r1")
    written.add(SubInv, conn="a", room="r1")
    return written.not_joined("a", "r1") if answer is SubRej else written.add(Joined, conn="a", group="room:r1")


@pytest.mark.parametrize(("answer", "said"), [(SubRej, []), (Joined, ["HF301"])])
def test_who_publishes_to_a_room_that_it_was_refused_may_be_closed(
    answer: type[SubRej | Joined], said: list[str]
) -> None:
    assert convicted(asks_for_a_second_room(answer).send("m", "a", room="r1").ended("a", 4403)) == said


@pytest.mark.parametrize(("left", "said"), [(True, []), (False, ["HF301"])])
def test_who_publishes_to_a_room_that_it_has_left_may_be_closed(left: bool, said: list[str]) -> None:
    written = H(Policy(group="room")).join("a", "b").sub("a", "b")
    written = written.unsub("a") if left else written
    assert convicted(written.send("m", "a", room="r0").ended("a", 4403)) == said


@pytest.mark.parametrize(("sessions", "said"), [("takeover", []), ("independent", ["HF301"])])
def test_who_publishes_to_a_room_that_its_session_has_left_may_be_closed(sessions: str, said: list[str]) -> None:
    written = H(Policy(group="room", sessions=sessions)).join("a", session="s").sub("a")  # type: ignore[arg-type]
    written.add(UnsubInv, conn="a", room="r0").join("b", session="s").sub("b").add(UnsubOk, conn="a", room="r0")
    assert convicted(written.send("m", "b", room="r0").ended("b", 4403)) == said


@pytest.mark.parametrize(("order", "said"), [("none", []), ("fifo", ["HF301"])])
def test_who_publishes_before_it_is_told_that_it_is_in_may_be_closed(order: str, said: list[str]) -> None:
    written = H(Policy(group="room", order=order)).join("a").add(SubInv, conn="a", room="r0")  # type: ignore[arg-type]
    assert convicted(written.send("m", "a", room="r0").ended("a", 4403)) == said


@pytest.mark.parametrize(("group", "said"), [("room", []), ("user", ["HF301"])])
def test_who_publishes_to_no_room_where_there_are_rooms_alone_may_be_closed(group: str, said: list[str]) -> None:
    written = H(Policy(group=group)).join("a", "b").sub("a", "b")  # type: ignore[arg-type]
    assert convicted(written.send("m", "a").ended("a", 4403)) == said


@pytest.mark.parametrize("spoken", [True, False])
def test_to_leave_a_room_once_is_no_reason(spoken: bool) -> None:
    written = H(Policy(group="room")).join("a", "b").sub("a", "b")
    written = written.send("m", "a", room="r0") if spoken else written
    assert convicted(written.unsub("a").ended("a", 4403)) == ["HF301"]
    assert convicted(H(Policy(group="room")).join("a").sub("a").unsub("a").unsub("a").ended("a", 4403)) == []


# HF503, HF504: of several processes that of this connection was starved, not the control pair's; a hub that waits for a
#               bounded time until a peer has taken what is left finds that over, and ends without a Close frame
@pytest.mark.parametrize(("starved", "strength"), [(0.6, "inconclusive"), (0.2, "violated")])
@pytest.mark.parametrize(("code", "last"), [("HF504", False), ("HF504", True), ("HF503", False)])
def test_the_control_pair_may_be_with_another_process(code: str, last: bool, starved: float, strength: str) -> None:
    written = H(Policy(close_codes=CloseCodes(malformed=(1002,)))).join("a", "b")
    written = written.close_begun("a") if code == "HF504" else written.fault("a", "malformed:rsv-bit")
    if last:
        written.controls(0.6).frame("a")  # it ran until here
    assert says(written.controls(starved, every=0.05).ended("a", SrvEof)) == {f"{code} {strength}"}
