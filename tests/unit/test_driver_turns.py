"""What is left out for a hub that takes one request for a room at a time, also where others of the user have asked."""

from __future__ import annotations

import pytest

from fuzzer.driver.actor import Actor
from fuzzer.driver.cast import Cast
from fuzzer.driver.perform import out_of_turn
from fuzzer.plan import Batch, Op, Open, Plan, Send, Subscribe, Unsubscribe
from fuzzer.target import own_frames

ASK, LEAVE, SPEAK = Subscribe("a", "r0"), Unsubscribe("a", "r0"), Send("a", "m0", room="r0")
WAITS = "not answered yet"
A_NIGHT = 5_000_000  # plans


@pytest.mark.parametrize("whose", ["a", "b"])
@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("awaited_rooms", (WAITS, WAITS, WAITS)),
        ("rooms_being_left", ("not known to have left the room", "", "")),
        ("wanted_rooms", ("in the room already", "", "")),
        ("groups", ("", "", "")),
    ],
)
def test_what_is_open_for_one_of_them_is_open_for_all(whose: str, state: str, said: tuple[str, ...]) -> None:
    actors = [Actor("a", "u0"), Actor("b", "u0")]
    getattr(next(one for one in actors if one.name == whose), state).add("r0")
    assert tuple(out_of_turn(op, actors) for op in (ASK, LEAVE, SPEAK)) == said


@pytest.mark.parametrize("op", [Subscribe("a", "r1"), Send("a", "m0"), Open("a", "u0")])
def test_other_rooms_and_what_is_in_none_go_on(op: Op) -> None:
    actor = Actor("a", "u0", awaited_rooms={"r0"}, wanted_rooms={"r0"}, rooms_being_left={"r0"})
    assert out_of_turn(op, [actor]) == ""


def test_no_name_of_a_night_is_longer_than_those_that_a_hub_must_have_room_for() -> None:
    """A hub with just so much room is accused of a loss if hubfuzz's own messages do not fit."""
    cast = Cast(Plan((Batch((Open("a", "u0"),)),)), f"012345n{A_NIGHT}-")
    ids = [cast.publish(f"m{number}", 4, "ascii")[0] for number in range(11)]
    assert max(map(len, ids)) + 3 <= len(own_frames.ID), "and thousands of messages in one plan"
    assert len(cast.room("r99")) <= len(own_frames.ROOM)
    assert len(cast.user("u0")) <= len(own_frames.PLAIN_USER)
