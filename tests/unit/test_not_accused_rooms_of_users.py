"""Hubs in which a user is in a room, with all of its connections (``policy.rooms = "user"``)."""

from __future__ import annotations

from typing import Literal

import pytest
from histories import H

from fuzzer.history import Joined, SubInv, UnsubInv, UnsubOk
from fuzzer.invariants import judge
from fuzzer.policy import Policy

Rooms = Literal["connection", "user"]
WHOSE = pytest.mark.parametrize("rooms", ["connection", "user"])


def convicted(written: H) -> list[str]:
    return sorted({f"{f.code} {f.key}" for f in judge(written.history()).violations})


def joined(written: H, conn: str, room: str = "r1") -> H:
    return written.add(SubInv, conn=conn, room=room).add(Joined, conn=conn, group=f"room:{room}")


def left(written: H, conn: str, room: str = "r1") -> H:
    return written.add(UnsubInv, conn=conn, room=room).add(UnsubOk, conn=conn, room=room)


def in_a_room(rooms: Rooms) -> H:
    """a and b are of one user, c is of another; a and c have asked to be in the room."""
    policy = Policy(group="room", rooms=rooms, subscriptions="once", backlog=None)
    written = H(policy).join("a", "b").join("c", user="u1")
    return joined(joined(written, "a"), "c")


@WHOSE
def test_another_tab_of_the_user_may_hear_the_room(rooms: Rooms) -> None:
    written = in_a_room(rooms).send("m0", "c", room="r1").got("m0", "a", "b", "c")
    assert convicted(written) == ([] if rooms == "user" else ["HF105 room"])


@WHOSE
def test_another_user_may_not(rooms: Rooms) -> None:
    written = in_a_room(rooms).join("d", user="u2")
    assert convicted(written.send("m0", "c", room="r1").got("m0", "a", "c", "d")) == ["HF105 room"]


@WHOSE
def test_who_left_may_hear_it_again_when_another_tab_asks(rooms: Rooms) -> None:
    written = joined(left(in_a_room(rooms), "a"), "b").send("m0", "c", room="r1").got("m0", "a", "b", "c")
    assert convicted(written) == ([] if rooms == "user" else ["HF106 unsubscribed"])


@WHOSE
def test_nobody_of_the_user_hears_it_when_all_have_left(rooms: Rooms) -> None:
    written = left(in_a_room(rooms), "a").send("m0", "c", room="r1").got("m0", "a", "c")
    assert convicted(written) == ["HF106 unsubscribed"]


@WHOSE
def test_one_that_leaves_takes_the_others_out(rooms: Rooms) -> None:
    written = left(joined(in_a_room(rooms), "b"), "b").send("m0", "c", room="r1").send("m1", "c", room="r1")
    assert convicted(written.got("m0", "c").got("m1", "a", "c")) == ([] if rooms == "user" else ["HF101 gap:room"])


@WHOSE
def test_who_asked_is_owed_what_comes(rooms: Rooms) -> None:
    written = in_a_room(rooms).send("m0", "c", room="r1").send("m1", "c", room="r1")
    assert convicted(written.got("m0", "c").got("m1", "a", "c")) == ["HF101 gap:room"]
