"""``judge``: which invariants are asked, in which order they answer, and what a dead server explains."""

from __future__ import annotations

import pytest
from histories import H, says

from fuzzer.history import history_from_json, history_to_json
from fuzzer.invariants import INVARIANTS, SEVERITY, by_name, judge
from fuzzer.policy import Limit, Policy

LIMITED = Policy(limit=Limit(2, statuses=(429,)))


def broken() -> H:
    """A double, a leak, a loss and a close at once."""
    written = H().join("a", "b").join("c", user="u1").send("m0", "a").send("m1", "a").got("m1", "b", "b", "c")
    return written.ended("a")


def test_every_invariant_has_one_place_in_the_order_of_severity() -> None:
    assert sorted(SEVERITY) == [i.code for i in INVARIANTS]


def test_the_worst_is_told_first() -> None:
    assert [f.code for f in judge(broken().history()).violations] == ["HF105", "HF103", "HF301", "HF101"]


@pytest.mark.parametrize("name", ["HF103", "hf103", "no-duplicate"])
def test_only_and_skip_take_codes_and_names(name: str) -> None:
    history = broken().history()
    assert [j.code for j in judge(history, only=[name]).judgements] == ["HF103"]
    assert "HF103" not in [j.code for j in judge(history, skip=[name]).judgements]
    assert not judge(history, only=[name], skip=[name]).judgements


def test_an_unknown_name_is_told_in_one_line() -> None:
    for asked in ({"only": ["HF999"]}, {"skip": ["HF999"]}):
        with pytest.raises(ValueError, match=r"^no invariant 'HF999'; there are: HF101 delivery, .*$") as caught:
            judge(H().history(), **asked)
        assert "\n" not in str(caught.value)


def test_every_code_and_every_name_is_known() -> None:
    assert [by_name(i.name) for i in INVARIANTS] == [by_name(i.code.lower()) for i in INVARIANTS] == list(INVARIANTS)


def test_dials_that_switch_an_invariant_off() -> None:
    policy = Policy(order="none", delivery="at-least-once", agreement=False, group="all", refuse_tokens=())
    asked = {j.code for j in judge(H(policy).history()).judgements}
    assert {i.code for i in INVARIANTS} - asked == {
        "HF102",
        "HF103",
        "HF105",
        "HF111",
        "HF112",
        "HF113",
        "HF201",
        "HF202",
        "HF203",
        "HF204",
        "HF402",
        "HF403",
        "HF404",
        "HF405",
        "HF503",
        "HF505",
        "HF601",
    }
    assert {"HF201", "HF202", "HF203"} <= {j.code for j in judge(H(LIMITED).history()).judgements}


def test_a_server_that_has_ended_explains_what_needs_a_living_one() -> None:
    assert says(broken().exit()) == {"HF105 violated", "HF103 violated", "HF502 violated"}
    assert says(H(LIMITED).join("a").exit().open("b").refused("b").phase("probe")) == {"HF502 violated"}


def test_the_obligations_stay_though_the_findings_are_explained() -> None:
    before, after = judge(broken().history()), judge(broken().exit().history())
    assert {j.code: j.obligations for j in before.judgements} == {j.code: j.obligations for j in after.judgements}


def test_the_end_of_the_process_is_told_before_its_log() -> None:
    finding = judge(H().phase("batch:0").log().exit().history()).violations[0]
    assert finding.key == "exit"


def test_an_empty_history_says_nothing_and_checks_nothing() -> None:
    verdict = judge(H(LIMITED).history())
    assert not verdict.violations
    assert not verdict.inconclusive
    assert all(j.obligations == 0 for j in verdict.judgements)


def test_a_history_that_was_saved_is_judged_the_same() -> None:
    history = broken().history()
    assert judge(history_from_json(history_to_json(history))) == judge(history)


def test_judging_twice_says_the_same_in_the_same_order() -> None:
    assert judge(broken().history()) == judge(broken().history())


def test_one_defect_has_one_fingerprint_whoever_it_meets() -> None:
    one = judge(H().join("a", "b").send("m", "a").got("m", "b", "b").history()).violations[0]
    other = judge(H().join("x", "y", user="u7").send("k", "y").got("k", "x", "x").history()).violations[0]
    assert one.fingerprint == other.fingerprint


def test_witnesses_are_events_of_the_history() -> None:
    history = broken().history()
    for finding in judge(history).violations:
        assert finding.witness
        assert all(0 <= index < len(history.events) for index in finding.witness)


def test_invariants_explain_themselves() -> None:
    for invariant in INVARIANTS:
        assert invariant.meaning.endswith(".")
        assert invariant.relies_on.endswith(".")
        assert len(invariant.reports) >= 2
