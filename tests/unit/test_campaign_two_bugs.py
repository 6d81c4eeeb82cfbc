"""Two different bugs of one hub are told as two; the least plans are those of real runs on the embedded hub.

And which pairs are taken for one, so that a rule that is changed shows it.
"""

from __future__ import annotations

import pytest
from test_campaign_same import LEFT, LOSS, RESET, ROOMS, TABS, TWICE, failure, told

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.same import taken_for
from fuzzer.plan import Close, Drop, Op, Open, Send, Subscribe, Unsubscribe

ALONE = (Open(conn="a", user="u0"),)


def joined(*conns: str) -> tuple[Op, ...]:
    return tuple(Subscribe(conn=conn, room="r0") for conn in conns)


GONE = Unsubscribe(conn="a", room="r0")
REGISTRY = failure("HF401", "count:rooms", (*ALONE, *joined("a"), GONE))  # S14: leave does not remove
AFTER = failure("HF106", "unsubscribed", (*TABS, *joined("a", "b"), GONE), REGISTRY)
AGAIN = failure("HF103", "twice:room", (*ALONE, *joined("a"), GONE, *joined("a")), REGISTRY)
TORN = failure("HF101", "silence:user", (*TABS, Close(conn="a")))  # S05: one departure tears the group down
COUNTED = failure("HF203", "slot", (*TABS, Open(conn="c", user="u0")))  # S20: a refused one is counted
SESSIONS = failure("HF103", "twice:user", (*TABS, Send(conn="a", msg="m0")))  # S11: user x connection
RESUBSCRIBED = failure("HF103", "twice:room", TWICE)  # S10
STILL_THERE = failure("HF106", "unsubscribed", LEFT)
RACE = failure("HF201", "limit", TABS)  # S15
ROOM_LOSS = failure("HF101", "gap:room", ROOMS)  # S03 in a room
TWO = {
    "S03+S14": ([LOSS, ROOM_LOSS], [AFTER, AGAIN]),
    "S05+S20": ([TORN], [COUNTED]),
    "S10+S11": ([SESSIONS], [RESUBSCRIBED, STILL_THERE]),
    "S15+S20": ([RACE], [COUNTED]),
    "S03+S10": ([LOSS, ROOM_LOSS], [RESUBSCRIBED, STILL_THERE]),
}


@pytest.mark.parametrize("pair", TWO)
def test_two_bugs_of_one_family_are_two(pair: str) -> None:
    """Each keeps a failure of its own, and nothing of the one is taken for anything of the other."""
    first, second = TWO[pair]
    same = taken_for([*first, *second])
    for mine in (first, second):
        names = {each.fingerprint for each in mine}
        assert names & set(told(*first, *second)), pair
        assert all(same[name].cause in names for name in names & same.keys()), pair


def test_one_bug_of_a_registry_is_told_in_two_families() -> None:
    """S14 alone is more than one: no rule reaches from what a hub counts to what it delivers."""
    assert len(told(REGISTRY, AFTER, AGAIN)) == 3


# ---- what cannot be told apart: it is taken for one, and shown beside it ---------------------------------------------

ALSO_AFTER_A_RESET = failure("HF106", "closed", RESET, LOSS)  # a loss comes with each reset, so always with this one
TWO_RESETS = failure("HF102", "agreement:room", (*ROOMS, Drop(conn="b")))  # a loss that one reset does not lead to


@pytest.mark.parametrize("other", [ALSO_AFTER_A_RESET, TWO_RESETS, TORN])  # TORN: S03+S05
def test_another_bug_that_needs_the_same_ops_looks_like_the_simpler_one(other: Failure) -> None:
    assert len(told(LOSS, other)) == 1
