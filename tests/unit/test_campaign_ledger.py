"""The ledger: each fingerprint once, on disk at once, suspects followed up once, known ones only counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

import msgspec
from campaign_fakes import CROWD, TWO_TABS, by_the_book, doubled, leaked, of, strayed

from fuzzer.campaign import CampaignEvent, FailureFound, FailureShrunk, FailureStore, Subject, Warned
from fuzzer.campaign.ledger import Ledger
from fuzzer.campaign.trials import Attempt
from fuzzer.history import History
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Close, Drop, Plan
from fuzzer.verdict import Verdict

HOW = {"doubled": doubled, "strayed": strayed, "leaked": leaked}


def attempt(*symptoms: str, plan: Plan = CROWD, hurry: float = 1.0) -> Attempt:
    written = by_the_book(plan)
    for symptom in symptoms:
        written = HOW[symptom](written)
    history = History(tuple(written.events), written.policy, plan)
    return Attempt(plan, history, judge(history), 0.25, hurry)


class Book:
    """A ledger with what it said."""

    def __init__(self, folder: Path | None = None, known: Collection[str] = ()) -> None:
        self.said: list[CampaignEvent] = []
        store = FailureStore(folder) if folder else None
        subject = Subject("hub", {"name": "hub"}, {"bug": "S00"})
        self.ledger = Ledger(self.said.append, store, subject, 7, known, lambda: "2026-01-02T03:04:05+00:00")

    def waiting(self) -> list[str]:
        """The fingerprints that wait to be shrunk; takes them out."""
        return [waits[0].fingerprint for waits in iter(self.ledger.next_waiting, None)]


def test_a_new_fingerprint_is_written_and_told_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.ledger.note(attempt("doubled", "strayed"), "plan 3")
    assert [type(event) for event in book.said] == [FailureFound, FailureFound]
    assert {
        stored.failure.fingerprint: stored.failure for stored in FailureStore(tmp_path).all()
    } == book.ledger.failures
    failure = book.ledger.failures[of(doubled)]
    assert (failure.code, failure.name, failure.origin, failure.seed) == ("HF103", "no-duplicate", "plan 3", 7)
    assert (failure.target, failure.hub) == ({"name": "hub"}, {"bug": "S00"})
    assert failure.found_at.startswith("2026-01-02")
    assert [other.fingerprint for other in failure.others] == [of(strayed)]
    assert failure.plan == failure.original == failure.history.plan == CROWD
    assert not failure.shrunk


def test_two_findings_of_one_fingerprint_are_one_failure_that_does_not_name_itself_beside_it() -> None:
    met = attempt("doubled", "strayed")
    twice = next(judgement for judgement in met.verdict.judgements if judgement.findings)
    again = msgspec.structs.replace(twice.findings[0], observed="and once more", conns=("b",))
    more = msgspec.structs.replace(twice, findings=(again,))
    both = dataclasses.replace(met, verdict=Verdict((*met.verdict.judgements, more)))
    book = Book()
    book.ledger.note(both, "plan 1")
    failure, _ = book.ledger.next_waiting() or (None, 0)
    assert failure is not None
    for shown in (failure, book.ledger.failures[failure.fingerprint]):
        assert shown.fingerprint not in {other.fingerprint for other in shown.others}
        assert shown.others, "what else the run shows is still said"


def test_the_same_again_is_counted_and_not_told(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for _ in range(3):
        book.ledger.note(attempt("doubled"), "plan 1")
    assert len(book.said) == 1
    assert book.ledger.met == {of(doubled): 3}
    assert book.waiting() == [of(doubled)]
    assert book.ledger.next_waiting() is None


def test_shrinking_begins_with_the_least_plan_that_was_met_meanwhile() -> None:
    book = Book()
    book.ledger.note(attempt("doubled"), "plan 1")
    book.ledger.note(attempt("doubled", plan=TWO_TABS), "plan 2")
    book.ledger.note(attempt("doubled"), "plan 3")
    failure, seconds = book.ledger.next_waiting() or (None, 0)
    assert failure is not None
    assert (failure.plan, failure.original, failure.history.plan) == (TWO_TABS, CROWD, TWO_TABS)
    assert seconds == 0.25


def test_known_ones_are_only_counted(tmp_path: Path) -> None:
    book = Book(tmp_path, known=(of(doubled),))
    book.ledger.note(attempt("doubled", "strayed"), "plan 1")
    assert list(book.ledger.failures) == [of(strayed)]
    assert book.ledger.met[of(doubled)] == 1
    assert book.waiting() == [of(strayed)]


def test_a_suspect_is_no_failure_and_is_followed_up_once(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.ledger.note(attempt("doubled", hurry=0.15), "shrinking")
    assert (book.said, book.ledger.failures, list(tmp_path.iterdir())) == ([], {}, [])
    assert book.ledger.next_suspect() == CROWD
    book.ledger.note(attempt("doubled", hurry=0.15), "shrinking")
    assert book.ledger.next_suspect() is None


def test_a_suspect_that_fails_with_the_real_bounds_is_a_failure_and_suspect_no_more() -> None:
    book = Book()
    book.ledger.note(attempt("doubled", hurry=0.15), "shrinking")
    book.ledger.note(attempt("doubled"), "plan 9")
    assert list(book.ledger.failures) == [of(doubled)]
    assert book.ledger.next_suspect() is None


def test_failures_and_known_ones_are_never_suspects() -> None:
    book = Book(known=(of(strayed),))
    book.ledger.note(attempt("doubled"), "plan 1")
    book.ledger.note(attempt("doubled", "strayed", hurry=0.5), "shrinking")
    assert book.ledger.next_suspect() is None


def test_the_shrunk_one_replaces_file_and_entry(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.ledger.note(attempt("doubled"), "plan 1")
    found = book.ledger.failures[of(doubled)]
    shrunk = msgspec.structs.replace(found, plan=TWO_TABS, shrunk=True)
    book.ledger.shrunk(shrunk)
    assert isinstance(book.said[-1], FailureShrunk)
    assert book.ledger.failures[of(doubled)] == shrunk == FailureStore(tmp_path).all()[0].failure


def test_what_is_given_up_is_kept_only_if_it_is_simpler(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.ledger.note(attempt("doubled", plan=TWO_TABS), "plan 1")
    found = book.ledger.failures[of(doubled)]
    book.ledger.given_up(msgspec.structs.replace(found, plan=CROWD))
    assert FailureStore(tmp_path).all()[0].failure == found
    smaller = msgspec.structs.replace(found, plan=Plan(TWO_TABS.batches[:1][:0]))
    book.ledger.given_up(smaller)
    assert book.ledger.failures[of(doubled)] == smaller == FailureStore(tmp_path).all()[0].failure


def test_what_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    book = Book(tmp_path / "file")
    book.ledger.note(attempt("doubled"), "plan 1")
    assert [type(event) for event in book.said] == [Warned, FailureFound]
    assert isinstance(book.said[0], Warned)
    assert "\n" not in book.said[0].text


def test_a_failure_without_what_its_least_plan_needs_is_noted_once(tmp_path: Path) -> None:
    """Two bugs may have one fingerprint: the second would be told only once the first is fixed."""
    book = Book(tmp_path)
    book.ledger.note(attempt("doubled"), "plan 1")
    ((failure, _),) = iter(book.ledger.next_waiting, None)
    needy = Plan((*TWO_TABS.batches, Batch((Drop("a"),))))
    book.ledger.shrunk(msgspec.structs.replace(failure, plan=needy, shrunk=True))
    for end in (Drop("a"), Close("a")):
        book.ledger.note(attempt("doubled", plan=Plan((*TWO_TABS.batches, Batch((end,))))), "plan 2")
    assert not [event for event in book.said if isinstance(event, Warned)], "somebody leaves there, too"
    book.ledger.note(attempt("doubled", plan=TWO_TABS), "plan 3")
    book.ledger.note(attempt("doubled", plan=TWO_TABS), "plan 4")
    (warned,) = [event.text for event in book.said if isinstance(event, Warned)]
    note = "also met in a plan without close or drop (plan 3): perhaps there is a second cause"
    assert warned == f"{of(doubled)} {note}"
    (stored,) = FailureStore(tmp_path).all()
    assert stored.failure == book.ledger.failures[of(doubled)]
    assert stored.failure.notes == (note,)
