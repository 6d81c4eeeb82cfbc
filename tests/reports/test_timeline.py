"""The picture of a history: lanes, membership, batches, messages and losses are those of the facts."""

from __future__ import annotations

import hard_failures
import pytest
import samples
from histories import H
from hypothesis import HealthCheck, given, settings
from simulated_plans import Case, cases, simulate

from fuzzer.facts import Facts
from fuzzer.history import Dlv, Event
from fuzzer.plan import Batch, Open, Send
from fuzzer.policy import Limit, Policy
from fuzzer.report.timeline import timeline_of

SETTINGS = settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def test_a_loss_is_shown_before_the_event_that_proves_it() -> None:
    failure = samples.loss()
    timeline = timeline_of(failure.history, failure.finding)
    (loss,) = timeline.losses
    proof = max(failure.finding.witness)
    assert (loss.msg, loss.conn, loss.before) == ("m0", "c", proof)
    assert isinstance(failure.history.events[proof], Dlv)
    assert [copy.missing for copy in timeline.copies if copy.msg == "m0"] == [("c",)]
    assert "c never gets m0" in loss.text


def test_a_silence_is_shown_after_its_last_evidence() -> None:
    failure = samples.crowded()
    timeline = timeline_of(failure.history, failure.finding)
    after = max(failure.finding.witness) + 1
    assert {(loss.conn, loss.before) for loss in timeline.losses} == {("c9", after), ("c10", after)}


def test_membership_is_that_of_the_facts() -> None:
    policy = Policy(join_evidence="welcome", limit=Limit(max=2), t_release=1.0)
    written = H(policy).join("a", "b").send("m", "a").got("m", "a", "b").closed("b").controls(2).drop("a")
    strands = {strand.conn: strand for strand in timeline_of(written.history()).strands}
    events = written.events
    assert strands["a"].possible == (0, len(events))
    assert strands["a"].owed == (2, len(events) - 1)
    joined, closing = 5, next(i for i, e in enumerate(events) if type(e).__name__ == "CloseInv")
    sent = next(i for i, e in enumerate(events) if type(e).__name__ == "SendInv")
    assert strands["b"].owed == (joined, closing)
    assert strands["b"].witnessed == (joined, sent + 1)
    assert closing < strands["b"].possible[1] < len(events), "it is released a second after its close"


def test_batches_and_own_phases_are_parts() -> None:
    written = H(None).phase("batch:0").join("a").phase("fence").phase("batch:1").send("m", "a").phase("drain")
    written.plan = type(written.plan)((Batch((Open("a", "u0"),)), Batch((Send("a", "m"), Send("b", "n")), after="1ms")))
    first, second, drain = timeline_of(written.history()).parts
    assert (first.label, first.note, first.own) == ("batch 1", "", False)
    assert (second.label, second.note) == ("batch 2", "1 ms later, 2 ops released in the same instant")
    assert drain.own


def test_routine_is_minor_but_evidence_never_is() -> None:
    failure = samples.limit()
    moments = timeline_of(failure.history, failure.finding).moments
    assert [m.index for m in moments if m.mark] == sorted(set(failure.finding.witness))
    assert all(not m.minor for m in moments if m.mark)
    assert [m.mark for m in moments if m.mark][-1] == "broken"
    assert {m.kind for m in moments if m.minor} == {"phase", "send_ok", "quiet"}


def test_an_end_by_the_hub_is_bad_only_if_it_had_no_right() -> None:
    written = H().join("a", "b").send("m", "a").got("m", "b").closed("a").ended("b")
    tones = {m.conn: m.tone for m in timeline_of(written.history()).moments if m.kind == "srv_close"}
    assert tones == {"a": "dim", "b": "bad"}


@pytest.mark.parametrize("failure", [samples.limit(), samples.loss(), samples.crash(), hard_failures.hostile()])
def test_every_text_is_inert(failure: samples.Failure) -> None:
    timeline = timeline_of(failure.history, failure.finding)
    texts = [m.text for m in timeline.moments] + [str(v) for m in timeline.moments for v in m.fields.values()]
    assert all(text.isprintable() for text in texts)


@SETTINGS
@given(cases())
def test_any_history_can_be_drawn(case: Case) -> None:
    history = simulate(case).history()
    timeline = timeline_of(history)
    facts = Facts(history)
    assert [m.index for m in timeline.moments] == list(range(len(history.events)))
    assert {s.conn for s in timeline.strands} == set(facts.conns)
    for strand in timeline.strands:
        assert _within(strand.witnessed, strand.owed, facts, strand.conn) or strand.witnessed == (0, 0)
        assert 0 <= strand.possible[0] <= strand.possible[1] <= len(history.events)
    assert sum(len(copy.got) for copy in timeline.copies) == sum(map(_delivery, history.events))


def _within(inner: tuple[int, int], outer: tuple[int, int], facts: Facts, conn: str) -> bool:
    """Witnessed begins where owed does, if anything is owed."""
    return inner[0] == outer[0] or outer == (0, 0) or facts.conns[conn].je == inner[0]


def _delivery(event: Event) -> bool:
    return isinstance(event, Dlv)
