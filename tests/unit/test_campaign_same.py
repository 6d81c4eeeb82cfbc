"""One bug is told once: which failures are taken for which, and that nothing of them is lost."""

from __future__ import annotations

import msgspec
import trio
from campaign_fakes import CROWD, Bug, FakeHub, always, doubled, has, of, strayed
from histories import H

from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.minimise import Minimiser
from fuzzer.campaign.options import Options
from fuzzer.campaign.reproduce import measure
from fuzzer.campaign.same import COMPANY, CUT_OFF, PLACE, PLAN, WITHIN, taken_for
from fuzzer.campaign.trials import Trials, shown_by
from fuzzer.campaign.within import within
from fuzzer.history import SrvEof, SrvRst
from fuzzer.invariants import judge
from fuzzer.invariants.lifecycle import _how
from fuzzer.plan import Batch, Close, Drop, Malformed, Op, Open, Plan, Query, Send, Stall, Subscribe, Unsubscribe
from fuzzer.verdict import Finding

TABS = (Open(conn="a", user="u0"), Open(conn="b", user="u0"))
RESET = (*TABS, Drop(conn="a", how="reset"))
ROOMS = (*TABS, Subscribe(conn="a", room="r0"), Subscribe(conn="b", room="r0"), Drop(conn="a", how="reset"))


def failure(code: str, key: str, ops: tuple[Op, ...], *company: Failure, **fields: object) -> Failure:
    plan = Plan(tuple(Batch((op,)) for op in ops))
    finding = Finding(code, "violated", key, "", "", "")
    known = {"rate": Rate(20, 20), "shrunk": True, "company": tuple(other.fingerprint for other in company), **fields}
    return Failure(finding.fingerprint, code, plan, plan, H().history(), finding, **known)  # type: ignore[arg-type]


LOSS = failure("HF101", "gap:user", RESET)


def causes(failures: list[Failure]) -> dict[str, str]:
    return {fingerprint: same.cause for fingerprint, same in taken_for(failures).items()}


def told(*failures: Failure) -> list[str]:
    same = taken_for(failures)
    return [f.fingerprint for f in failures if f.fingerprint not in same]


def test_one_property_in_two_places_is_one_bug_and_the_simpler_is_told() -> None:
    for code, key in (("HF101", "gap:room"), ("HF101", "silence:user"), ("HF102", "agreement:all")):
        other = failure(code, key, ROOMS)
        assert causes([other, LOSS]) == causes([LOSS, other]) == {other.fingerprint: LOSS.fingerprint}


def test_what_can_hardly_be_shown_does_not_lead() -> None:
    rare = msgspec.structs.replace(LOSS, rate=Rate(2, 7))
    larger = (*ROOMS, Send(conn="b", msg="m0", room="r0"))
    surer, sure = failure("HF101", "gap:room", ROOMS), failure("HF101", "silence:user", larger)
    half = msgspec.structs.replace(surer, rate=Rate(12, 20))
    assert causes([rare, sure]) == {rare.fingerprint: sure.fingerprint}
    assert causes([rare, half, sure]) == {f.fingerprint: sure.fingerprint for f in (rare, half)}
    assert causes([rare, surer, sure]) == {f.fingerprint: surer.fingerprint for f in (rare, sure)}
    assert causes([half, sure]) == {sure.fingerprint: half.fingerprint}, "it fails often enough"
    assert {same.why for same in taken_for([rare, surer, sure]).values()} == {PLACE}


def test_a_fin_and_a_reset_are_one_end_and_one_plan_is_one_bug() -> None:
    fin = failure("HF301", "end of stream without a Close frame", RESET)
    reset = failure("HF301", "reset", ROOMS)
    code = failure("HF301", "close 1011", RESET)
    elsewhere = failure("HF301", "close 1002", ROOMS)
    assert sorted(told(fin, reset, elsewhere)) == sorted([fin.fingerprint, elsewhere.fingerprint])
    assert len(told(fin, code)) == 1


def test_a_plan_without_what_the_other_needs_cannot_fail_because_of_it() -> None:
    """A loss after a reset, and one after a malformed frame: two places to mend."""
    malformed = failure("HF101", "silence:user", (*TABS, Malformed(conn="a")))
    assert told(LOSS, malformed) == [LOSS.fingerprint, malformed.fingerprint]
    assert causes([LOSS, failure("HF101", "silence:user", (*TABS, *malformed.plan.ops(), RESET[-1]))])


def test_who_only_asks_is_no_cause() -> None:
    """Some questions are left where the time for shrinking was over before they were tried without."""
    asked = failure("HF101", "gap:user", (*RESET, Query(conn="b")))
    assert len(told(asked, failure("HF102", "agreement:user", (*TABS, *TABS[:1], RESET[-1])))) == 1


def test_one_way_to_leave_is_as_good_as_another() -> None:
    """Which of them shrinking ends with is chance: the hub walks the same way with both."""
    departure = failure("HF101", "silence:user", (*TABS, Close(conn="a")))
    assert len(told(LOSS, departure)) == 1
    at_once = failure("HF101", "silence:user", (*TABS, Open(conn="c", user="u0", abandon="after-101")))
    assert len(told(at_once, failure("HF101", "gap:room", ROOMS))) == 1
    in_handshake = failure("HF101", "silence:user", (*TABS, Open(conn="c", user="u0", abandon="before-101")))
    assert len(told(in_handshake, failure("HF101", "gap:room", ROOMS))) == 2


def test_each_says_by_which_rule() -> None:
    twice, left = failure("HF103", "twice:room", TWICE), failure("HF106", "unsubscribed", LEFT)
    by = {
        PLAN: (LOSS, failure("HF101", "else", RESET)),
        PLACE: (LOSS, failure("HF101", "gap:room", ROOMS)),
        COMPANY: (LOSS, failure("HF106", "after it left", ROOMS, LOSS)),
        WITHIN: (twice, left),
    }
    for why, pair in by.items():
        assert [same.why for same in taken_for(pair).values()] == [why]


def test_what_is_late_because_it_is_lost_is_the_loss() -> None:
    late = failure("HF302", "blocked", (*TABS, Stall(conn="b"), RESET[-1]), LOSS)
    assert causes([LOSS, late]) == {late.fingerprint: LOSS.fingerprint}
    alone = failure("HF302", "blocked", (*TABS, Stall(conn="b"), Send(conn="a", msg="m0")))
    assert causes([LOSS, alone]) == {}


def test_what_never_comes_alone_is_taken_for_its_company() -> None:
    other = failure("HF106", "after it left", ROOMS, LOSS)
    assert causes([other, LOSS]) == {other.fingerprint: LOSS.fingerprint}


TWICE = (Open(conn="a", user="u0"), *(Subscribe(conn="a", room="r0"),) * 2)
LEFT = (*TABS, *(Subscribe(conn=conn, room="r7") for conn in "bab"), Unsubscribe(conn="b", room="r7"))


def test_what_holds_the_least_plan_of_another_is_taken_for_it() -> None:
    twice, left = failure("HF103", "twice:room", TWICE), failure("HF106", "unsubscribed", LEFT)
    assert causes([left, twice]) == {left.fingerprint: twice.fingerprint}
    assert told(msgspec.structs.replace(twice, rate=Rate(15, 20)), left) == [twice.fingerprint, left.fingerprint]
    other = failure("HF106", "unsubscribed", LEFT[:4] + LEFT[5:])
    assert told(twice, other) == [twice.fingerprint, other.fingerprint], "only once subscribed"


def test_a_plan_within_another_is_it_by_any_names_and_in_this_order() -> None:
    small = failure("HF103", "twice:room", TWICE).plan
    assert within(small, failure("HF106", "unsubscribed", LEFT).plan)
    assert within(small, small)
    two_rooms = (*TWICE[:2], Subscribe(conn="a", room="r1"))
    assert not within(small, failure("HF106", "", two_rooms).plan)
    assert not within(failure("HF106", "", two_rooms).plan, small)
    two_conns = (*TABS, Subscribe(conn="a", room="r0"), Subscribe(conn="b", room="r0"))
    assert not within(small, failure("HF106", "", two_conns).plan)
    assert not within(small, failure("HF106", "", TWICE[::-1]).plan)
    large = failure("HF106", "", LEFT * 2).plan
    assert not within(large, large), "it is not looked at"


def test_what_may_have_a_cause_of_its_own_is_told() -> None:
    alone = failure("HF112", "causal:room", ROOMS)
    elsewhere = failure("HF201", "limit", ROOMS, LOSS)
    seldom = failure("HF103", "twice:user", (*RESET, Close(conn="b")), LOSS, rate=Rate(1, 20))
    unmeasured = failure("HF111", "fifo:user", (*RESET, Stall(conn="b")), LOSS, rate=None)
    other_key = failure("HF105", "echo", (*RESET, Send(conn="b", msg="m0"))), failure("HF105", "user", RESET)
    all_of_them = (LOSS, alone, elsewhere, seldom, unmeasured, *other_key)
    assert told(*all_of_them) == [each.fingerprint for each in all_of_them]


def test_what_fails_in_nearly_every_plan_explains_nothing() -> None:
    common = failure("HF103", "twice:user", (*TABS, Send(conn="a", msg="m0")))
    assert told(common, failure("HF101", "gap:user", RESET, common)) == [common.fingerprint, LOSS.fingerprint]


def test_what_was_not_shrunk_explains_nothing_that_was() -> None:
    small = failure("HF101", "gap:room", (TABS[0], RESET[-1]), shrunk=False)
    assert causes([small, LOSS]) == {small.fingerprint: LOSS.fingerprint}


def test_there_is_one_to_tell_however_they_keep_company() -> None:
    first = failure("HF101", "gap:user", RESET)
    second = failure("HF111", "fifo:user", (*RESET, *RESET[2:]), first)
    third = failure("HF103", "twice:user", ROOMS, first, second)
    both = msgspec.structs.replace(first, company=(second.fingerprint, third.fingerprint))
    assert told(both, second, third) == [first.fingerprint]


def test_company_is_what_every_failing_run_shows() -> None:
    everywhere = Bug(always, strayed)
    sometimes = Bug(has(Drop), doubled, p=0.5)
    hub = FakeHub((everywhere, sometimes))
    plan = Plan(tuple(Batch((op,)) for op in RESET))

    async def main() -> tuple[frozenset[str], Failure]:
        trials = Trials(hub, judge, hub.clock)
        seen = await measure(trials, plan, of(doubled), 20)
        rarer = await measure(trials, plan, of(strayed), 20)
        assert rarer.company == frozenset(), "the other one came only sometimes"
        assert seen.witness is not None
        finding = seen.witness.finding(of(doubled))
        assert finding is not None
        found = Failure(of(doubled), finding.code, plan, CROWD, seen.witness.history, finding)
        return seen.company, await Minimiser(trials, shown_by(found, seen.witness), Options()).run()

    company, shrunk = trio.run(main)
    assert company == {of(strayed)}
    assert shrunk.company == (of(strayed),)


def test_the_keys_are_those_of_the_judges() -> None:
    """A key that is worded anew there must be worded anew here."""
    assert {_how(SrvEof(0.0, "a")), _how(SrvRst(0.0, "a"))} == CUT_OFF
