"""What a hub does in another place: another process for a room, another connection of the session, another frame."""

from __future__ import annotations

from typing import Literal

import pytest
from histories import H

from fuzzer.history import Joined, SubInv
from fuzzer.invariants import judge
from fuzzer.policy import Policy

Order = Literal["fifo", "causal", "total"]


def convicted(written: H) -> list[str]:
    return [f"{f.code} {f.key}" for f in judge(written.history()).violations]


def asks(written: H, conn: str = "c") -> H:
    return written.add(SubInv, conn=conn, room="r0")


def answered(written: H, conn: str = "c") -> H:
    return written.add(Joined, conn=conn, group="room:r0")


# ---- HF101, HF102, HF111: a process that is taken on elsewhere before it says "subscribed" ---------------------------


def own_copy_first(evidence: str = "welcome") -> H:
    """c's process has it on its own list, and awaits the SUBSCRIBE to the others; b and d are with another one."""
    policy = Policy(group="room", join_evidence=evidence)  # type: ignore[arg-type]
    written = asks(H(policy).join("b", "c", "d").sub("b", "d"))
    written.welcomes_count = evidence == "welcome"
    return written.send("x", "c", room="r0").got("x", "c", "b", "d")


@pytest.mark.parametrize(("evidence", "said"), [("welcome", []), ("broadcast", ["HF101 gap:room"])])
def test_nothing_is_owed_before_the_answer(evidence: str, said: list[str]) -> None:
    written = answered(own_copy_first(evidence).send("m2", "b", room="r0").got("m2", "d"))
    assert convicted(written.send("m3", "b", room="r0").got("m3", "c", "d")) == said


def test_after_it_everything_is() -> None:
    written = answered(own_copy_first()).send("m2", "b", room="r0").got("m2", "d")
    assert convicted(written.send("m3", "b", room="r0").got("m3", "c", "d")) == ["HF101 gap:room"]


@pytest.mark.parametrize(("early", "said"), [(False, []), (True, ["HF111 fifo:room"])])
def test_what_was_missed_until_then_may_be_read_out_late(early: bool, said: list[str]) -> None:
    written = answered(own_copy_first()) if early else own_copy_first()
    written.send("m2", "b", room="r0").send("m3", "b", room="r0").got("m2", "d").got("m3", "d", "c").got("m2", "c")
    assert convicted(written if early else answered(written)) == said


@pytest.mark.parametrize(("early", "said"), [(False, []), (True, ["HF102 agreement:room"])])
def test_nor_need_it_agree_before(early: bool, said: list[str]) -> None:
    written = answered(own_copy_first()) if early else own_copy_first()
    written.send("m2", "b", room="r0").got("m2", "d")
    written = written if early else answered(written)
    assert convicted(written.closed("b").controls(6.0).quiet(False).phase("drain")) == said


# ---- HF103, HF101: rooms that live in different processes ------------------------------------------------------------


@pytest.mark.parametrize(("room", "said"), [("r1", []), ("r0", ["HF103 twice:room"])])
def test_what_came_of_another_room_does_not_show_that_a_request_was_handled(room: str, said: list[str]) -> None:
    written = asks(H(Policy(group="room")).join("a", "b", "c").sub("a", "b", "c").sub("b", "c", room="r1"))
    written.send("x", "c", room=room).got("x", "b").send("m", "a", room="r0").got("m", "b", "c").got("m", "c")
    assert convicted(answered(written)) == said


@pytest.mark.parametrize(("room", "said"), [("r1", []), ("r0", ["HF101 gap:room"])])
def test_nor_that_a_message_was_live(room: str, said: list[str]) -> None:
    """r0's process reads m1 out to c, waits, and only then registers it."""
    written = H(Policy(group="room"))
    written.welcomes_count = False
    asks(written.join("a", "b", "c", "d").sub("a", "b", "d").sub("b", "c", room="r1"))
    written.send("x", "c", room=room).got("x", "b").send("m1", "a", room="r0").got("m1", "b", "d", "c")
    written = answered(written.send("m2", "a", room="r0").got("m2", "b", "d"))
    assert convicted(written.send("m3", "a", room="r0").got("m3", "b", "d", "c")) == said


# ---- HF101: what else waits in the queue of a reader -----------------------------------------------------------------


@pytest.mark.parametrize(("newcomers", "said"), [(10, []), (2, ["HF101 gap:all"])])
def test_news_of_who_has_come_takes_places(newcomers: int, said: list[str]) -> None:
    """Sixteen places, of which these take ten; the welcome of each newcomer goes to all."""
    written = H(Policy(group="all", echo="never", join_evidence="welcome")).join("a").join("c", user="u1")
    for number in range(8):
        written.send(f"m.{number}", "a")
    others = [f"v{number}" for number in range(newcomers)]
    for user in others:
        written.open(f"x{user}", user=user)
    for user in others:
        written.ok(f"x{user}")
    for user in others:
        written.named("c", user)
    for number in (0, 1, 2, 3, 4, 5, 7):
        written.got(f"m.{number}", "c")
    assert convicted(written) == said


# ---- HF105, HF106, HF112, HF113: the answer to who publishes goes to the newest connection of its session ------------


def policy(group: Literal["user", "room"] = "user", order: Order = "fifo", takes_over: bool = True) -> Policy:
    return Policy(group=group, order=order, sessions="takeover" if takes_over else "independent")


@pytest.mark.parametrize(("takes_over", "said"), [(True, []), (False, ["HF113 total:user"])])
def test_it_is_no_part_of_the_order_of_the_group(takes_over: bool, said: list[str]) -> None:
    written = H(policy(order="total", takes_over=takes_over)).join("a", session="s").join("b", "c")
    written.join("a2", session="s").send("m", "a").send("n", "b").got("m", "a2").got("n", "c", "a2")
    assert convicted(written.got("m", "c", "b")) == said


@pytest.mark.parametrize(("takes_over", "said"), [(True, []), (False, ["HF112 causal:user"])])
def test_nor_anything_that_others_must_have_read_before(takes_over: bool, said: list[str]) -> None:
    written = H(policy(order="causal", takes_over=takes_over)).join("a", session="s").join("b", "c")
    written.join("a2", session="s").send("m", "a").got("m", "a2").send("n", "a2").got("n", "c")
    assert convicted(written.got("m", "c", "b").got("n", "b")) == said


@pytest.mark.parametrize(("takes_over", "said"), [(True, []), (False, ["HF105 room"])])
def test_it_goes_to_who_is_in_no_room(takes_over: bool, said: list[str]) -> None:
    written = H(policy("room", takes_over=takes_over)).join("a", session="s").join("b").sub("b")
    assert convicted(written.send("m", "a", room="r0").join("a2", session="s").got("m", "b", "a2")) == said


@pytest.mark.parametrize(("sender", "said"), [("a", []), ("b", ["HF106 unsubscribed"])])
def test_and_to_who_has_left_it(sender: str, said: list[str]) -> None:
    written = H(policy("room")).join("b").sub("b").join("a", session="s").join("a2", session="s").sub("a2")
    assert convicted(written.unsub("a2").send("m", sender, room="r0").got("m", "b", "a2")) == said


# ---- HF111: one copy through the queue of the room, the next by hand -------------------------------------------------


@pytest.mark.parametrize(("leaves", "said"), [(True, []), (False, ["HF111 fifo:room"])])
def test_who_publishes_from_outside_is_answered_at_once(leaves: bool, said: list[str]) -> None:
    written = H(Policy(group="room")).join("a", "b").sub("a", "b").send("m1", "a", room="r0")
    written = written.unsub("a") if leaves else written
    written.send("m2", "a", room="r0").got("m2", "a").got("m1", "a", "b").got("m2", "b")
    assert convicted(written) == said
