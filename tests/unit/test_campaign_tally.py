"""What was exercised: counts of one execution, and their sum."""

from __future__ import annotations

import pytest
from campaign_fakes import CROWD, TWO_TABS, by_the_book, steps
from histories import H
from hypothesis import given
from hypothesis import strategies as st

from fuzzer.campaign import Tally, tally_of
from fuzzer.history import Abort, Skip
from fuzzer.invariants import judge
from fuzzer.plan import Close, Open, Plan, Send
from fuzzer.policy import Limit, Policy
from fuzzer.verdict import Finding, Judgement, Verdict

COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9))
TALLIES = st.builds(
    Tally, ops=COUNTS, pairs=COUNTS, opens=COUNTS, skips=COUNTS, aborts=COUNTS, obligations=COUNTS, inconclusive=COUNTS,
    deliveries=st.integers(0, 9), at_limit=st.integers(0, 9), doubtful=st.integers(0, 9), large=st.integers(0, 9),
    large_delivered=st.integers(0, 9), unsettled=st.integers(0, 9), entitled=st.integers(0, 9),
    turned_away=st.integers(0, 9), broken_off=st.integers(0, 9),
)  # fmt: skip


def tally(plan: Plan, written: H, verdict: Verdict | None = None) -> Tally:
    history = written.history()
    return tally_of(plan, history, verdict or judge(history))


def test_ops_opens_and_deliveries() -> None:
    seen = tally(CROWD, by_the_book(CROWD))
    assert seen.ops == {"open": 7, "send": 5, "close": 1, "drop": 1}
    assert seen.opens == {"ok": 9}  # the two canaries of these tests are connections of the plan
    assert seen.refusals == 0
    assert seen.deliveries == sum(type(event).__name__ == "Dlv" for event in by_the_book(CROWD).events) > 0
    assert seen.pairs
    assert seen.doubtful == 0


def test_pairs_that_race_on_one_user() -> None:
    assert sum(tally(TWO_TABS, H()).pairs.values()) == 1
    assert tally(steps(Open("a", "u0"), Open("b", "u0")), H()).pairs == {}


def test_refusals_by_how_they_came() -> None:
    written = H().open("a").refused("a", 429).open("b").refused("b", None, "eof").open("c").refused("c", 4429, "close")
    written.join("slot", role="slot")  # not of the plan
    seen = tally(TWO_TABS, written)
    assert seen.opens == {"status 429": 1, "eof": 1, "close 4429": 1}
    assert seen.refusals == 3


LIMITED = Policy(limit=Limit(1, statuses=(429,), codes=(4429,)))


@pytest.mark.parametrize(
    ("written", "entitled", "turned_away"),
    [
        (H().join("a", "b"), 2, 0),
        (H().join("a").open("b").refused("b", 503), 2, 1),
        (H().join("a").open("b").ok("b").ended("b", 1011), 2, 1),
        (H().join("a").open("b").ok("b").closed("b"), 2, 0),
        (H().join("a").open("b", token="expired").refused("b", 401), 1, 0),
        (H().join("a").open("b", abandon="half-request").refused("b", None, "eof"), 1, 0),
        (H().join("canary", user="canary", role="canary").open("a").refused("a", 503), 1, 1),
        (H().join("a").open("canary", user="canary", role="canary").refused("canary", 503), 1, 0),
        (H(LIMITED).join("a").open("b").refused("b"), 1, 0),
        (H(LIMITED).join("a").open("b").ok("b").ended("b", 4429), 2, 0),
        (H(Policy(limit=Limit(1))).join("a").open("b").refused("b", 503), 1, 0),
        (H(LIMITED).join("a").open("b", user="u1").refused("b"), 2, 1),
    ],
)
def test_openings_that_had_to_be_granted_and_those_of_them_that_were_not(
    written: H, entitled: int, turned_away: int
) -> None:
    seen = tally(TWO_TABS, written)
    assert (seen.entitled, seen.turned_away) == (entitled, turned_away)


def canaries(*, late: bool) -> H:
    """Refused, for no reason that the policy speaks of."""
    written = H().join("a", "b").send("m", "a").got("m", "b").phase("canary").open("c", user="c", role="canary")
    written = written.ok("c").lag(3.0) if late else written.ok("c")
    return written.ended("c", 1011)


@pytest.mark.parametrize(("late", "unsettled"), [(False, 1), (True, 0)])
def test_a_doubt_is_unsettled_if_nobody_was_late(late: bool, unsettled: int) -> None:
    seen = tally(TWO_TABS, canaries(late=late))
    assert (seen.inconclusive, seen.doubtful, seen.unsettled) == ({"HF501 refused": 1}, 1, unsettled)


def test_frames_that_nothing_says_how_to_read_leave_a_doubt_that_no_time_would_settle() -> None:
    verdict = Verdict((Judgement("HF101", 1, (Finding("HF101", "inconclusive", "unread:user", "", "", ""),)),))
    assert tally(TWO_TABS, H(), verdict).unsettled == 1


def test_only_what_comes_to_connections_of_the_plan_is_a_delivery() -> None:
    written = H().join("c", "d", user="c", role="canary").send("m", "c").got("m", "c", "d")
    assert tally(TWO_TABS, written).deliveries == 0
    assert tally(TWO_TABS, written.join("a", "b").send("n", "a").got("n", "a", "b")).deliveries == 2


def test_skips_and_aborts_by_their_causes() -> None:
    written = H().add(Skip, op="send", conn="a", why="refused").add(Skip, op="close", conn="a", why="refused")
    seen = tally(TWO_TABS, written.add(Abort, why="silence"))
    assert (seen.skips, seen.aborts) == ({"refused": 2}, {"silence": 1})


@pytest.mark.parametrize(
    ("violated", "aborts", "broken_off"), [(False, 1, 1), (False, 2, 1), (False, 0, 0), (True, 1, 0)]
)
def test_a_plan_is_broken_off_if_nothing_that_it_violated_was_a_reason_to(
    violated: bool, aborts: int, broken_off: int
) -> None:
    written = H()
    for _ in range(aborts):  # the finale may have another
        written = written.add(Abort, why="silence")
    found = (Finding("HF101", "violated", "gap", "", "", ""),) if violated else ()
    seen = tally(TWO_TABS, written, Verdict((Judgement("HF101", 1, found),)))
    assert seen.broken_off == broken_off


def test_obligations_of_every_invariant_that_applied_and_what_was_undecided() -> None:
    late = Finding("HF101", "inconclusive", "late", "", "", "")
    verdict = Verdict((Judgement("HF101", 3, (late, late)), Judgement("HF103", 0)))
    seen = tally(TWO_TABS, H(), verdict)
    assert seen.obligations == {"HF101": 3, "HF103": 0}
    assert (seen.inconclusive, seen.doubtful) == ({"HF101 late": 2}, 1)


def test_how_often_a_user_became_full() -> None:
    policy = Policy(limit=Limit(2))
    written = H(policy).join("a", "b").closed("b").join("c").join("d", user="u1").drop("c").join("e")
    assert tally(TWO_TABS, written).at_limit == 3
    assert tally(TWO_TABS, H().join("a", "b")).at_limit == 0  # nobody is ever full without a limit


def test_large_messages_and_those_of_them_that_anybody_got() -> None:
    written = H().join("a", "b", "c").send("m", "a", size=1_999).got("m", "b", "c").send("n", "a", size=2_000)
    written = written.send("o", "a", size=65_535).got("o", "b", "c")
    assert (tally(TWO_TABS, written).large, tally(TWO_TABS, written).large_delivered) == (2, 1)


@given(TALLIES, TALLIES)
def test_sums(left: Tally, right: Tally) -> None:
    both = left.plus(right)
    assert both.deliveries == left.deliveries + right.deliveries
    for name in ("ops", "obligations", "inconclusive"):
        ours, theirs, sums = getattr(left, name), getattr(right, name), getattr(both, name)
        assert sums == {key: ours.get(key, 0) + theirs.get(key, 0) for key in ours.keys() | theirs.keys()}
    assert left.plus(Tally()) == left


def test_a_plan_of_its_own_is_counted_whatever_its_end() -> None:
    plan = steps(Open("a", "u0"), Send("a", "m0"), Close("a"))
    assert tally(plan, H().open("a")).ops == {"open": 1, "send": 1, "close": 1}


@pytest.mark.parametrize(
    ("obligations", "exercised"),
    [
        ({}, False),
        ({"HF101": 0, "HF501": 2, "HF502": 1}, False),
        ({"HF101": 1, "HF501": 0, "HF502": 0}, True),
        ({"HF501": 2, "HF502": 0}, True),
        ({"HF501": 0}, False),
    ],
)
def test_what_is_there_whatever_the_plan_did_shows_that_something_was_exercised_only_if_nothing_else_was_asked(
    obligations: dict[str, int], exercised: bool
) -> None:
    assert Tally(obligations=obligations).exercised is exercised
