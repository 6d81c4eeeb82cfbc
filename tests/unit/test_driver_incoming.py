"""Frames that hold more than one thing, and what is told of them."""

from __future__ import annotations

import pytest
from test_driver_stage import a_stage, frame, kinds

from fuzzer.driver.cast import Cast
from fuzzer.driver.frames import MAX_CONTROL, ping_payload
from fuzzer.history import Dlv, Frame
from fuzzer.plan import Batch, Open, Plan
from fuzzer.policy import Policy


def test_of_the_noise_in_one_frame_one_is_told() -> None:
    """A game that ticks sends where thirty things are, and what is said meanwhile, as one array."""
    stage = a_stage()
    real, body = stage.cast.publish("m0", 4, "ascii")
    news = ", ".join(f'{{"type": "position", "of": {number}}}' for number in range(30))
    stage.frame("a", f"[{news}, {frame(real, body)}]")
    assert kinds(stage)[-2:] == [Frame, Dlv]
    assert kinds(stage).count(Frame) == 1


def test_who_carries_other_messages_may_bring_them_and_its_body_may_be_theirs() -> None:
    stage = a_stage()
    (first, body), (second, _) = stage.cast.publish("m0", 4, "ascii"), stage.cast.publish("m1", 4, "ascii")
    stage.frame("a", frame(first, f"{body} and {second} {body}"))
    told, delivered = stage.record.events[-2:]
    assert isinstance(told, Frame)
    assert (told.known, told.holds) == (True, ("m1",))
    assert isinstance(delivered, Dlv)
    assert delivered.intact


@pytest.mark.parametrize(("more", "intact"), [(" hf-ctl7 and what it said", True), (" and more", False)])
def test_a_body_is_not_compared_if_a_foreign_message_may_be_in_it(more: str, intact: bool) -> None:
    stage = a_stage(Policy(group="all"))
    real, body = stage.cast.publish("m0", 4, "ascii")
    stage.frame("a", frame(real, body + more))
    delivered = stage.record.events[-1]
    assert isinstance(delivered, Dlv)
    assert delivered.intact == intact


def test_a_message_that_names_its_own_id_twice_is_compared() -> None:
    stage = a_stage()
    real, body = stage.cast.publish("m0", 4, "ascii")
    stage.frame("a", frame(real, f"{body} {real}"))
    assert kinds(stage)[-1] is Dlv
    assert not stage.record.events[-1].intact  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("label", "named"),
    [
        ("n1-r0", "r0"),  # where a message to r1 says that it went to r0
        ("n1-r0r1", None),
        ("n1-r0r2", None),  # no room of this plan
        ("room:n1-r0", None),
        ("N1-R0", None),
        (None, None),
    ],
)
def test_the_label_of_another_room_of_this_plan(label: str | None, named: str | None) -> None:
    cast = Cast(Plan((Batch((Open("a", "u0"),)),)), "n1-")
    assert [cast.room(room) for room in ("r0", "r1")] == ["n1-r0", "n1-r0r1"]
    assert cast.other_room(label, "r1") == named
    assert cast.other_room(label, None) is None


def test_payloads_of_pings_are_short_enough_whatever_the_name() -> None:
    payloads = [ping_payload(number, "\u6f22" * 60) for number in (1, 2)]
    assert all(len(payload) <= MAX_CONTROL for payload in payloads)
    assert len(set(payloads)) == 2
