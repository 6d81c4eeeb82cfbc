"""Counting racing pairs: who meets whom, and when."""

from __future__ import annotations

from fuzzer.plan import Batch, Close, Drop, Op, Open, Plan, Send, Separator, Stall, Subscribe
from strategies import PAIRS, racing_pairs
from strategies.pairs import KINDS, label

A, B, STRANGER = Open(conn="a", user="u0"), Open(conn="b", user="u0"), Open(conn="x", user="u1")
SEND, DROP = Send(conn="a", msg="m0"), Drop(conn="b")


def after(how: Separator, *ops: Op) -> Batch:
    return Batch(ops=ops, after=how)


def pairs(*batches: Batch) -> dict[str, int]:
    setup = (after("fence", A), after("fence", B), after("fence", STRANGER))
    return dict(racing_pairs(Plan(batches=(*setup, *batches))))


def test_one_batch_is_a_race() -> None:
    assert pairs(after("fence", SEND, DROP)) == {"send|drop": 1}
    assert pairs(after("fence", DROP, SEND)) == {"send|drop": 1}


def test_batches_that_only_an_instant_divides_race_too() -> None:
    assert pairs(after("fence", SEND), after("instant", DROP)) == {"send|drop": 1}
    assert pairs(after("fence", SEND), after("turn", DROP)) == {"send|drop": 1}


def test_a_fence_or_a_millisecond_ends_the_race() -> None:
    assert pairs(after("fence", SEND), after("fence", DROP)) == {}
    assert pairs(after("fence", SEND), after("1ms", DROP)) == {}


def test_a_stranger_does_not_race() -> None:
    assert pairs(after("fence", SEND, Drop(conn="x"))) == {}


def test_ops_of_one_connection_do_not_race_with_each_other() -> None:
    assert pairs(after("fence", SEND), after("instant", Drop(conn="a"))) == {}


def test_three_in_a_batch_are_three_pairs() -> None:
    found = pairs(after("fence", SEND, DROP, Open(conn="c", user="u0")))
    assert found == {"send|drop": 1, "open|send": 1, "open|drop": 1}


def test_strangers_meet_in_a_room() -> None:
    entered = after("fence", Subscribe(conn="a", room="r0"))
    assert pairs(entered, after("fence", Subscribe(conn="x", room="r0"), Close(conn="a"))) == {"subscribe|close": 1}
    assert pairs(entered, after("fence", Subscribe(conn="x", room="r1"), Close(conn="a"))) == {}
    assert pairs(entered, after("fence", Subscribe(conn="x", room="r0"), Stall(conn="a"))) == {}


def test_an_abandoned_and_a_repeated_open_have_names_of_their_own() -> None:
    first = after("fence", Open(conn="c", user="u0", session="s0"))
    again = Open(conn="d", user="u0", session="s0")
    assert pairs(first, after("fence", again, Drop(conn="c"))) == {"reopen|drop": 1}
    left = Open(conn="e", user="u0", session="s1", abandon="before-101")
    assert pairs(first, after("fence", left, Open(conn="f", user="u0", session="s2"))) == {"abandon|open": 1}


def test_another_users_session_of_the_same_name_is_no_reopening() -> None:
    first = after("fence", Open(conn="c", user="u0", session="s0"))
    assert pairs(first, after("fence", Open(conn="d", user="u1", session="s0"), Drop(conn="x"))) == {"open|drop": 1}


def test_labels_do_not_depend_on_the_order() -> None:
    assert {label(one, other) == label(other, one) for one in KINDS for other in KINDS} == {True}
    assert len({pair.label for pair in PAIRS}) == len(PAIRS)
