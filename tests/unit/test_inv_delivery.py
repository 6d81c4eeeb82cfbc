"""HF101 delivery: losses by gap and by silence, and all that is none (SPEC 2.2, 2.9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from histories import H, obligations, says

from fuzzer.plan import Send
from fuzzer.policy import Policy

LOST = {"HF101 violated"}
NOTHING: set[str] = set()


def gap(written: H) -> H:
    """m0 never arrives on b, m1 does."""
    return written.send("m0", "a").send("m1", "a").got("m1", "b")


def silent(written: H, seconds: float = 5.2, ok: bool = True) -> H:
    """A fence fails after so many seconds in which the control pair was answered, or not."""
    return written.send("m", "a").controls(seconds, ok).quiet(complete=False)


# ---- gap -----------------------------------------------------------------------------------------------------------


def test_a_hole_is_a_loss_at_once() -> None:
    assert says(gap(H().join("a", "b"))) == LOST


def test_no_hole_no_loss() -> None:
    written = H().join("a", "b").send("m0", "a").send("m1", "a").got("m0", "b").got("m1", "b")
    assert says(written) == NOTHING
    assert obligations(written, "HF101") == 2


def test_a_fence_shows_the_hole_as_well() -> None:
    assert says(H().join("a", "b").send("m0", "a").send("~a@~0", "a").got("~a@~0", "b")) == LOST


def test_the_tail_may_still_be_on_its_way() -> None:
    assert says(H().join("a", "b").send("m0", "a").send("m1", "a").got("m0", "b")) == NOTHING


@pytest.mark.parametrize("end", [lambda h: h.drop("a"), lambda h: h.closed("a"), lambda h: h.drop("a", "vanish")])
def test_a_hole_is_a_loss_whoever_has_gone_since(end: Callable[[H], H]) -> None:
    assert says(end(gap(H().join("a", "b")))) == LOST
    assert says(gap(H().join("a", "b")).drop("b")) == LOST


def test_what_got_through_before_a_drop_may_be_any_prefix() -> None:
    written = H().join("a", "b", "c").send("m0", "a").send("m1", "a").send("m2", "a").drop("a")
    assert says(written.got("m0", "b", "c").got("m1", "b", "c")) == NOTHING


def test_a_prefix_with_a_hole_is_a_loss() -> None:
    written = H().join("a", "b").send("m0", "a").send("m1", "a").send("m2", "a").drop("a")
    assert says(written.got("m0", "b").got("m2", "b")) == LOST


def test_a_later_message_of_another_sender_proves_no_loss() -> None:
    written = H().join("a", "b", "c").send("m0", "a").send("m1", "c").got("m1", "b")
    assert says(written) == NOTHING


def test_a_later_message_to_another_group_proves_no_loss() -> None:
    written = H().join("a", "b").sub("a", "b").send("m0", "a").send("m1", "a", "r0").got("m1", "b")
    assert says(written) == NOTHING


@pytest.mark.parametrize(
    "written",
    [
        gap(H(Policy(order="none")).join("a", "b")),
        gap(H().join("a").open("b").ok("b")),  # a 101 is no membership
        gap(H().open("a").ok("a").join("b")),  # the sender was none either
        H().join("a", "c").send("m0", "a").join("b").send("m1", "a").got("m1", "b"),  # sent before it joined
        H().join("a").open("b").ok("b").send("m0", "a").welcome("b").send("m1", "a").got("m1", "b"),  # overlaps
        gap(H().join("a", "b").fault("b")),
        gap(H().join("a", "b").fault("b").healed("b")),  # what came while it stalled may be lost
        gap(H().join("a", "b").fault("b", "malformed:not-json")),
        gap(H().join("a", "b").fault("a", "malformed:not-json")),
        gap(H().join("a").open("b", token="wrong-claims").ok("b").welcome("b")),
        H().join("a").send("m0", "a").send("m1", "a").got("m1", "a"),  # echo: either
        H(Policy(echo="never")).join("a", "b").send("m0", "a").got("m0", "b"),
        H().join("a").join("b", user="u1").send("m0", "a").send("m1", "a"),
        H(Policy(max_size=2_000)).join("a", "b").send("m0", "a", size=5_000).send("m1", "a").got("m1", "b"),
        H(Policy(max_size=9_000), Send(conn="a", msg="m0", fill="unicode"))
        .join("a", "b")
        .send("m0", "a", size=1_000)
        .send("m1", "a")
        .got("m1", "b"),  # 12 bytes a character, escaped
        H(Policy(group="room")).join("a", "b").send("m0", "a").send("m1", "a").got("m1", "b"),  # to no room at all
    ],
    ids=[
        "order-none",
        "receiver-101",
        "sender-101",
        "joined-later",
        "join-overlaps",
        "stalled",
        "was-stalled",
        "malformed-receiver",
        "malformed-sender",
        "bad-token",
        "echo",
        "echo-never",
        "other-user",
        "oversize",
        "oversize-escaped",
        "no-room",
    ],
)
def test_a_hole_that_is_no_loss(written: H) -> None:
    assert says(written) == NOTHING


def test_lossless_hubs_owe_it_to_stalled_readers_too() -> None:
    assert says(gap(H(Policy(slow_consumer="lossless")).join("a", "b").fault("b").healed("b"))) == LOST


def test_a_stall_after_the_hole_was_seen_excuses_nothing() -> None:
    assert says(gap(H().join("a", "b")).fault("b")) == LOST


def test_the_own_echo_is_owed_where_the_hub_promises_it() -> None:
    written = H(Policy(echo="always")).join("a").send("m0", "a").send("m1", "a").got("m1", "a")
    assert says(written) == LOST


def test_a_101_is_membership_by_dial() -> None:
    assert says(gap(H(Policy(join_evidence="handshake")).open("a", "b").ok("a", "b"))) == LOST


def test_everybody_is_one_group_by_dial() -> None:
    assert says(gap(H(Policy(group="all")).join("a").join("b", user="u1"))) == LOST


# ---- rooms ---------------------------------------------------------------------------------------------------------


def room_gap(written: H) -> H:
    return written.send("m0", "a", "r0").send("m1", "a", "r0").got("m1", "b")


def test_a_hole_in_a_room() -> None:
    assert says(room_gap(H().join("a", "b").sub("a", "b"))) == LOST


@pytest.mark.parametrize(
    "written",
    [
        room_gap(H().join("a", "b").sub("a").sub("b", answered=False)),
        room_gap(H().join("a", "b").sub("b")),  # the sender is not in the room
        room_gap(H().join("a", "b").sub("a", "b").unsub("b", answered=False)),
        H().join("a", "b").sub("a", "b").send("m0", "a", "r0").unsub("b").sub("b").send("m1", "a", "r0").got("m1", "b"),
        H().join("a", "b").sub("a", "b").unsub("b").send("m0", "a", "r0").sub("b").send("m1", "a", "r0").got("m1", "b"),
    ],
    ids=["unanswered", "sender-outside", "left", "left-and-back", "was-away"],
)
def test_a_hole_in_a_room_that_is_no_loss(written: H) -> None:
    assert says(written) == NOTHING


def test_subscribing_twice_changes_nothing() -> None:
    assert says(room_gap(H().join("a", "b").sub("a", "b").sub("b"))) == LOST


def test_back_in_the_room_messages_are_owed_again() -> None:
    assert says(room_gap(H().join("a", "b").sub("a", "b").unsub("b").sub("b"))) == LOST


# ---- silence -------------------------------------------------------------------------------------------------------


def test_silence_beyond_the_deadline_in_healthy_time() -> None:
    assert says(silent(H().join("a", "b"))) == LOST


@pytest.mark.parametrize(
    "written",
    [
        silent(H().join("a", "b"), seconds=4.8),
        silent(H().join("a", "b"), seconds=60, ok=False),  # the whole server is paused
        H().join("a", "b").send("m", "a").wait(60).quiet(complete=False),  # nobody asked
        H().join("a", "b").send("m", "a").controls(3).wait(60).controls(1.8).quiet(complete=False),  # paused meanwhile
        H().join("a", "b").send("m", "a").controls(3).lag(2).controls(1.8).quiet(complete=False),
        H().join("a", "b").controls(4).send("m", "a").controls(4).quiet(complete=False),  # sent too late
        # 5 s, but something that was sent before came in meanwhile: a backlog is progress
        H()
        .join("a", "b")
        .join("c")
        .send("m0", "c")
        .send("m", "a")
        .got("m0", "a")
        .got("m", "c")
        .controls(3)
        .got("m0", "b")
        .controls(3)
        .quiet(complete=False),
    ],
    ids=["too-short", "paused", "unasked", "paused-between", "own-lag", "sent-late", "backlog"],
)
def test_silence_that_proves_nothing_is_inconclusive(written: H) -> None:
    assert says(written) == {"HF101 inconclusive"}


@pytest.mark.parametrize(
    "written",
    [
        H().join("a", "b").send("m", "a").controls(60),  # no fence failed: nobody waited for it
        H().join("a", "b").send("m", "a").got("m", "b").controls(60).quiet(complete=False),
        H().join("a", "b").send("m", "a", flushed=False).controls(60).quiet(complete=False),
        silent(H().join("a").open("b").ok("b")),
        silent(H().join("a", "b").fault("b", "mute")),
        H().join("a", "b").send("m", "a").drop("a").controls(60).quiet(complete=False),
        H().join("a", "b").send("m", "a").closed("a").controls(60).quiet(complete=False),
        H().join("a", "b").send("m", "a").closed("b").controls(60).quiet(complete=False),
        H(Policy(sessions="takeover"))
        .join("a")
        .join("b", session="s")
        .send("m", "a")
        .join("c", session="s")
        .controls(60)
        .got("m", "c")
        .quiet(complete=False),
        H().join("a", "b").sub("a", "b").send("m", "a", "r0").unsub("b").controls(60).quiet(complete=False),
    ],
    ids=["no-fence", "arrived", "unflushed", "101", "mute", "dropped", "closed", "receiver", "takeover", "left-room"],
)
def test_silence_that_is_no_loss(written: H) -> None:
    assert says(written) == NOTHING


def test_a_server_that_ended_the_receiver_is_judged_for_that_alone() -> None:
    assert says(H().join("a", "b").send("m", "a").ended("b").controls(60).quiet(complete=False)) == {"HF301 violated"}


@pytest.mark.parametrize(("dial", "found"), [("may", NOTHING), ("must", LOST)])
def test_sent_and_closed_in_good_order(dial: str, found: set[str]) -> None:
    written = H(Policy(send_then_close=dial)).join("a", "b").send("m", "a").closed("a")
    assert says(written.controls(6).quiet(complete=False)) == found


def test_sent_and_closed_badly_is_owed_nothing() -> None:
    policy = Policy(send_then_close="must")
    for written in (
        H(policy).join("a", "b").send("m", "a").closed("a", code=1002),
        H(policy).join("a", "b").send("m", "a").drop("a"),
    ):
        assert says(written.controls(6).quiet(complete=False)) == NOTHING


def test_a_longer_deadline_by_dial() -> None:
    assert says(silent(H(Policy(deadline=10)).join("a", "b"))) == {"HF101 inconclusive"}


def test_without_members_there_is_nothing_to_check() -> None:
    assert obligations(H().open("a").refused("a"), "HF101") == 0
    assert obligations(H().join("a").send("m", "a"), "HF101") == 0
