"""HF103 no-duplicate, HF104 no-creation, HF105 isolation: what must never be delivered (SPEC 2.2, MUST NOT)."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.invariants import judge
from fuzzer.plan import Send
from fuzzer.policy import Policy

NOTHING: set[str] = set()


# ---- duplicates ----------------------------------------------------------------------------------------------------


def test_the_same_message_twice_on_one_connection() -> None:
    written = H().join("a", "b").send("m", "a").got("m", "b", "b")
    assert says(written) == {"HF103 violated"}
    assert obligations(written, "HF103") == 1


def test_twice_however_late_and_whoever_has_gone() -> None:
    assert says(H().join("a", "b").send("m", "a").got("m", "b").closed("a").wait(60).got("m", "b")) == {
        "HF103 violated"
    }


def test_once_on_each_connection_is_no_duplicate() -> None:
    assert says(H().join("a", "b", "c").send("m", "a").got("m", "a", "b", "c")) == NOTHING


def test_twice_by_dial() -> None:
    written = H(Policy(delivery="at-least-once")).join("a", "b").send("m", "a").got("m", "b", "b")
    assert says(written) == NOTHING
    assert obligations(written, "HF103") is None


def test_nothing_delivered_nothing_checked() -> None:
    assert obligations(H().join("a"), "HF103") == 0


def test_a_second_subscription_may_read_history_out_again() -> None:
    written = H().join("a", "b").sub("a", "b").send("m", "a", "r0").got("m", "b").unsub("b").sub("b").got("m", "b")
    assert says(written) == NOTHING


def test_a_second_subscription_counts_once() -> None:
    written = H().join("a", "b").sub("a", "b").sub("b").send("m", "a", "r0").got("m", "b", "b")
    assert says(written) == {"HF103 violated"}


def test_an_unanswered_second_subscription_is_handled_when_a_later_message_of_it_arrives() -> None:
    written = H().join("a", "b").sub("a", "b").sub("b", answered=False)
    early = H().join("a", "b").sub("a", "b").sub("b", answered=False).send("m", "a", "r0").got("m", "b", "b")
    assert says(early) == NOTHING
    written.send("~b@r0~0", "b", "r0").got("~b@r0~0", "a").send("m", "a", "r0").got("m", "b", "b")
    assert says(written) == {"HF103 violated"}


# ---- creation ------------------------------------------------------------------------------------------------------


def test_another_body_than_was_sent() -> None:
    written = H().join("a", "b").send("m", "a").got("m", "b", intact=False)
    assert says(written) == {"HF104 violated"}
    assert obligations(written, "HF104") == 1


def test_an_id_that_nobody_sent() -> None:
    assert says(H().join("a").stray("a")) == {"HF104 violated"}


@pytest.mark.parametrize(
    "written",
    [
        H().join("a", "b").send("m", "a").got("m", "b"),
        H(Policy(max_size=2_000), Send(conn="a", msg="m"))
        .join("a", "b")
        .send("m", "a", size=1_900)
        .got("m", "b", intact=False),
        H().join("a", "b").fault("a", "malformed:huge-length").send("m", "a").got("m", "b", intact=False),
    ],
    ids=["intact", "may-be-cut", "after-malformed-bytes"],
)
def test_a_body_that_proves_nothing(written: H) -> None:
    assert says(written) == NOTHING


def test_a_body_that_the_hub_may_change_proves_nothing_but_its_id_does() -> None:
    changed = H(Policy(body="any")).join("a", "b").send("m", "a").got("m", "b", intact=False)
    assert says(changed) == NOTHING
    assert says(changed.stray("a")) == {"HF104 violated"}


@pytest.mark.parametrize(
    ("written", "dial"),
    [
        (H().join("a", "b").send("m", "a").got("m", "b", intact=False), 'policy.body = "any", protocol.deliver'),
        (H().join("a").stray("a"), "protocol.deliver (is the id read from the right place?) or policy.group"),
        (H().join("a").join("b", user="u1").send("m", "a").got("m", "b"), 'policy.group, policy.names = "plain"'),
    ],
    ids=["body", "id", "names"],
)
def test_the_dial_is_of_what_is_wrong(written: H, dial: str) -> None:
    found = judge(written.history()).violations
    assert [finding.dial.startswith(dial) for finding in found] == [True]


def test_a_stall_excuses_no_other_body() -> None:
    written = H().join("a", "b").fault("a", "stall").send("m", "a").got("m", "b", intact=False)
    assert says(written) == {"HF104 violated"}


# ---- isolation -----------------------------------------------------------------------------------------------------


def test_a_message_of_another_user() -> None:
    written = H().join("a").join("b", user="u1").send("m", "a").got("m", "b")
    assert says(written) == {"HF105 violated"}
    assert obligations(written, "HF105") == 1


def test_a_message_of_a_room_never_asked_for() -> None:
    assert says(H().join("a", "b").sub("a").send("m", "a", "r0").got("m", "b")) == {"HF105 violated"}
    assert says(H().join("a", "b").sub("a").sub("b", room="r1").send("m", "a", "r0").got("m", "b")) == {
        "HF105 violated"
    }


def test_a_leak_is_one_however_late() -> None:
    written = H().join("a").join("b", user="u1").send("m", "a").closed("a").wait(60).got("m", "b")
    assert says(written) == {"HF105 violated"}


@pytest.mark.parametrize(
    "written",
    [
        H().join("a", "b").send("m", "a").got("m", "b"),
        H().join("a").send("m", "a").open("b").ok("b").got("m", "b"),  # read out on joining
        H().join("a", "b").sub("a").sub("b", answered=False).send("m", "a", "r0").got("m", "b"),
        H().join("a", "b").sub("a", "b").unsub("b", answered=False).send("m", "a", "r0").got("m", "b"),  # on its way
        H(Policy(group="all")).join("a").join("b", user="u1").send("m", "a").got("m", "b"),
        H(Policy(group="room")).join("a").join("b", user="u1").send("m", "a").got("m", "b"),  # to no room: undefined
        H().join("a").join("b", user="u1").sub("a", "b").send("m", "a", "r0").got("m", "b"),
        H().join("a").open("b", user="u1", token="wrong-claims").ok("b").send("m", "a").got("m", "b"),
        H(Policy(echo="always")).join("a").send("m", "a").got("m", "a"),
        H().join("a").send("m", "a").got("m", "a"),
    ],
    ids=["own", "history", "unanswered", "left", "all", "no-room", "same-room", "bad-token", "echo-always", "echo"],
)
def test_a_delivery_that_is_allowed(written: H) -> None:
    assert says(written) == NOTHING


@pytest.mark.parametrize("group", ["user", "all"])
def test_an_echo_where_the_hub_promises_none(group: str) -> None:
    policy = Policy(echo="never", group=group)
    assert says(H(policy).join("a").send("m", "a").got("m", "a")) == {"HF105 violated"}
    assert says(H(policy).join("a", "b").send("m", "a").got("m", "b")) == NOTHING


def test_an_own_message_may_come_back_as_history() -> None:
    written = H(Policy(echo="never")).join("a", "b").sub("b").send("m", "a", "r0").sub("a").got("m", "a")
    assert says(written) == NOTHING


def test_one_group_and_any_echo_leaves_nobody_outside() -> None:
    assert obligations(H(Policy(group="all")).join("a").send("m", "a"), "HF105") is None
    assert obligations(H(Policy(group="all", echo="never")).join("a").send("m", "a"), "HF105") == 1


def test_without_strangers_nothing_was_checked() -> None:
    assert obligations(H().join("a", "b").send("m", "a").got("m", "b"), "HF105") == 0


# ---- history that is read out to who joins (policy.replay) -----------------------------------------------------------

LIVE = Policy(replay="none")


def over(policy: Policy = LIVE) -> H:
    """b and c have read two messages of a: the first is over. Then somebody joins."""
    return H(policy).join("a", "b", "c").send("m", "a").got("m", "b", "c").send("n", "a").got("n", "b", "c")


def test_a_message_that_was_over_is_read_out_to_who_joins() -> None:
    written = over().join("d").got("m", "d")
    assert says(written) == {"HF105 violated"}
    assert [f.key for f in judge(written.history()).violations] == ["history"]
    assert obligations(written, "HF105") == 1


def test_the_same_in_a_room() -> None:
    written = H(LIVE).join("a", "b", "d").sub("a", "b").send("m", "a", "r0").got("m", "b").send("n", "a", "r0")
    assert says(written.got("n", "b").sub("d").got("m", "d")) == {"HF105 violated"}


@pytest.mark.parametrize(
    "written",
    [
        H(LIVE).join("a", "b", "c").send("m", "a").got("m", "b").send("n", "a").got("n", "b").join("d")
        .got("m", "d"),  # c reads nothing, and those behind it wait
        over(Policy()).join("d").got("m", "d"),
        over(Policy(replay="none", order="none")).join("d").got("m", "d"),
        over().join("d").got("n", "d"),  # nothing shows that it was over
        H(LIVE).join("a", "b").send("m", "a").got("m", "b").join("d").got("m", "d"),
        H(LIVE).join("a", "b", "c").send("m", "a").got("m", "b", "c").send("n", "a").got("n", "b").join("d")
        .got("m", "d"),
        H(LIVE).join("a", "b").send("m", "a").got("m", "b").send("n", "b").got("n", "a").join("d").got("m", "d"),
        H(LIVE).join("a").send("m", "a").send("n", "a").join("d").got("m", "d"),  # it reached nobody
        H(LIVE).join("a", "b").send("m", "a").got("m", "b").send("n", "a").open("d").got("n", "b").ok("d")
        .got("m", "d"),
        over().join("d"),
    ],
    ids=[
        *("held-up", "may", "no-order", "the-last", "one-message", "one-has-not", "another-sender", "nobody"),
        *("meanwhile", "kept"),
    ],
)  # fmt: skip
def test_what_may_come_to_who_joins(written: H) -> None:
    assert says(written) == NOTHING


def test_without_the_promise_or_a_newcomer_nothing_was_checked() -> None:
    assert obligations(over(Policy()).join("d"), "HF105") == 0
    assert obligations(over(), "HF105") == 0
    # The control pair is in the group of all, and nobody knows what it has read.
    assert obligations(over(Policy(replay="none", group="all")).join("d"), "HF105") == 0
