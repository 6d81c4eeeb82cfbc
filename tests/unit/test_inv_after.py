"""HF106 no-delivery-after: nothing once a connection has left, was closed, refused, or its token is over."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.policy import Policy

EXPIRY = Policy(t_expiry=1.0)
LATE = {"HF106 violated"}
NOTHING: set[str] = set()


def room(policy: Policy | None = None) -> H:
    return H(policy).join("a", "b").sub("a", "b")


def test_a_message_sent_after_the_leaving_was_confirmed() -> None:
    written = room().unsub("b").send("m", "a", "r0").got("m", "b")
    assert says(written) == LATE
    assert obligations(written, "HF106") == 1


@pytest.mark.parametrize(
    "written",
    [
        room().send("m", "a", "r0").unsub("b").got("m", "b"),  # it was on its way
        room().unsub("b", answered=False).send("m", "a", "r0").got("m", "b"),  # not yet confirmed
        room().unsub("b").sub("b", answered=False).send("m", "a", "r0").got("m", "b"),  # back already
        room().unsub("b").send("m", "a", "r0").sub("b", answered=False).got("m", "b"),  # history, read out on joining
        room().unsub("b", answered=False).sub("b").unsub("b").send("m", "a", "r0").got("m", "b"),  # the first's answer?
        room().unsub("b").send("m", "a").got("m", "b"),  # of its own group
        room().sub("b", room="r1").unsub("b", "r1").send("m", "a", "r0").got("m", "b"),  # another room
        room().unsub("b").send("m", "a", "r0"),
    ],
    ids=["on-its-way", "unconfirmed", "again", "history", "whose-answer", "own-group", "other-room", "kept"],
)
def test_messages_that_may_still_come(written: H) -> None:
    assert says(written) == NOTHING


ONCE = Policy(subscriptions="once")


def joined_twice(policy: Policy | None = None, leaves: int = 1) -> H:
    """b has joined r0 twice, and left it so often; then a message is sent there, and comes to b."""
    written = room(policy).sub("b")
    for _ in range(leaves):
        written.unsub("b")
    return written.send("m", "a", "r0").got("m", "b")


def test_a_hub_may_count_subscriptions() -> None:
    assert says(joined_twice()) == NOTHING
    assert obligations(joined_twice(), "HF106") == 0
    assert says(joined_twice(leaves=2)) == LATE
    assert says(joined_twice(ONCE)) == LATE


def test_where_each_subscription_counts_one_leaving_ends_one() -> None:
    each = Policy(subscriptions="each")
    assert says(joined_twice(each)) == NOTHING
    assert says(joined_twice(each, leaves=2)) == LATE


def test_leaving_a_room_that_it_is_not_in_takes_nothing() -> None:
    idle = room().unsub("b").unsub("b").unsub("b").sub("b").sub("b").unsub("b")
    assert says(idle.send("m", "a", "r0").got("m", "b")) == NOTHING
    assert says(idle.unsub("b").send("n", "a", "r0").got("n", "b")) == LATE


@pytest.mark.parametrize(
    ("dials", "speakers"),
    [
        ({"rooms": "user"}, ("c", "unsub", "a")),  # another tab of the user that is in the room, too
        ({"rooms": "user"}, ("unsub", "c", "a")),
        ({"order": "none"}, ("b", "unsub", "a")),  # sent before the leaving, and handled after it
        ({}, ("unsub", "b", "a")),
    ],
)
def test_who_speaks_may_bring_back_who_has_left(dials: dict[str, str], speakers: tuple[str, ...]) -> None:
    said = []
    for joins in (False, True):
        policy = Policy(subscriptions="once", publish_joins=joins, **dials)  # type: ignore[arg-type]
        written = H(policy).join("b", "c").join("a", user="u1").sub("a", "b", "c")
        for number, who in enumerate(speakers):
            written = written.unsub("b") if who == "unsub" else written.send(f"m{number}", who, "r0")
        said.append(says(written.got("m2", "b")))
    assert said == [LATE, NOTHING], "without the dial, and with it"


def test_who_has_left_and_said_nothing_since_is_not_back() -> None:
    policy = Policy(subscriptions="once", publish_joins=True)
    written = H(policy).join("b").join("a", user="u1").sub("a", "b").send("m", "b", "r0").unsub("b")
    assert says(written.send("n", "a", "r0").got("n", "b")) == LATE


def test_data_behind_the_servers_own_close() -> None:
    for data in (lambda h: h.got("m", "b"), lambda h: h.frame("b"), lambda h: h.present("b")):
        written = data(H().join("a", "b").send("m", "a").close_begun("b").ended("b", 1000, tcp=False))
        assert says(written) == LATE
        assert obligations(written, "HF106") == 1


def test_data_after_our_own_close_and_before_the_answer_is_legal() -> None:
    assert says(H().join("a", "b").send("m", "a").close_begun("b").got("m", "b").ended("b", 1000)) == NOTHING


def test_data_on_a_refused_connection() -> None:
    assert says(H().join("a").open("b").refused("b", 503).send("m", "a").got("m", "b")) == LATE


def test_a_handshake_that_we_gave_up_was_not_refused() -> None:
    assert says(H().join("a").open("b").refused("b", None, "timeout").send("m", "a").got("m", "b")) == NOTHING


def expired(seconds: float, policy: Policy = EXPIRY, ok: bool = True) -> H:
    """b's token ends at 0.5 s; then so many seconds of round trips."""
    return H(policy).join("a").join("b", expires=0.5).wait(0.49).controls(seconds, ok)


def test_whoever_receives_long_after_its_token_has_ended() -> None:
    written = expired(1.5).send("m", "a").got("m", "b")
    assert says(written) == LATE
    assert obligations(written, "HF106") == 1


def test_whoever_sends_long_after_its_token_has_ended() -> None:
    assert says(expired(1.5).send("m", "b").got("m", "a")) == LATE


@pytest.mark.parametrize(
    "written",
    [
        expired(0.8).send("m", "a").got("m", "b"),
        expired(60, ok=False).send("m", "a").got("m", "b"),
        expired(0.4).send("m", "a").controls(5).got("m", "b"),  # sent in time, late on the way
        expired(0.2).pause(3).controls(0.2).send("m", "a").got("m", "b"),
        expired(5, Policy()).send("m", "a").got("m", "b"),
        expired(5).send("m", "a"),
    ],
    ids=["in-time", "unhealthy", "on-its-way", "paused", "no-dial", "nothing"],
)
def test_tokens_that_are_not_surely_over(written: H) -> None:
    assert says(written) == NOTHING


def test_a_message_after_the_expiry_is_owed_to_nobody() -> None:
    assert says(expired(1.5).send("m", "a").controls(60).quiet(complete=False)) == NOTHING
