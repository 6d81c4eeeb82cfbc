"""What was found: each fingerprint once, on disk from the first moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

import msgspec

from fuzzer.campaign.chances import better, may_improve
from fuzzer.campaign.complexity import complexity
from fuzzer.campaign.events import Emit, FailureFound, FailureShrunk, Warned
from fuzzer.campaign.failure import Failure, invariant_name, tool_version
from fuzzer.campaign.options import Subject
from fuzzer.campaign.same import needs
from fuzzer.campaign.store import FailureStore, Stored, StoreError
from fuzzer.campaign.trials import Attempt, others_than, shown_by
from fuzzer.plan import Plan
from fuzzer.verdict import Finding

ELSEWHERE: Final = "also met in a plan without"
AGAIN: Final = "found again: an earlier run had found and stored it"


@dataclass
class Ledger:
    """Failures by fingerprint. ``known`` ones are counted in ``met`` and otherwise left alone; suspects were seen
    only with scaled time bounds, which proves nothing: they wait for a run with the real ones."""

    emit: Emit
    store: FailureStore | None
    subject: Subject
    seed: int
    known: Collection[str]
    now: Callable[[], str]
    failures: dict[str, Failure] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    _suspects: dict[str, Plan] = field(default_factory=dict)
    _tried: set[str] = field(default_factory=set)
    _waiting: dict[str, Attempt] = field(default_factory=dict)
    _anew: dict[str, Failure] = field(default_factory=dict)
    _hunted: str = ""
    _expected: dict[str, Stored] = field(default_factory=dict)

    def expect(self, stored: Stored) -> None:
        """An earlier run found it: to meet it is to find it again, and needs no new file."""
        if stored.failure.fingerprint not in self.known:
            self._expected[stored.failure.fingerprint] = stored

    def expect_no_longer(self, fingerprint: str) -> None:
        """It is gone; should it be met again, it is new."""
        self._expected.pop(fingerprint, None)

    def note(self, attempt: Attempt, origin: str) -> None:
        """Take in one execution: new fingerprints are written before anything else happens."""
        for fingerprint in attempt.fingerprints:
            if attempt.hurry < 1:
                self._suspect(fingerprint, attempt)
                continue
            self.met[fingerprint] += 1
            self._suspects.pop(fingerprint, None)
            if fingerprint in self._expected:
                self._again(self._expected.pop(fingerprint), attempt)
            elif fingerprint not in self.failures and fingerprint not in self.known:
                self._found(fingerprint, attempt, origin)
            elif fingerprint in self._waiting:
                self._prefer_smaller(fingerprint, attempt)
            elif fingerprint in self.failures:
                self._met_again(self.failures[fingerprint], attempt, origin)

    def next_waiting(self) -> tuple[Failure, float] | None:
        """The next failure to shrink, begun from the least plan that is known, and how long its execution took."""
        if not self._waiting:
            return None
        fingerprint = next(iter(self._waiting))
        attempt, self._hunted = self._waiting.pop(fingerprint), fingerprint
        return shown_by(self._anew.pop(fingerprint, self.failures[fingerprint]), attempt), attempt.seconds

    def next_suspect(self) -> Plan | None:
        """A plan to run with the real time bounds; each suspicion is followed up once."""
        if not self._suspects:
            return None
        fingerprint = next(iter(self._suspects))
        self._tried.add(fingerprint)
        return self._suspects.pop(fingerprint)

    def shrunk(self, failure: Failure) -> None:
        """The end of its shrinking. If an earlier hunt for it had ended with something better, that stays."""
        old, self._hunted = self.failures[failure.fingerprint], ""
        best = failure if better(failure, old) else msgspec.structs.replace(old, hunts=failure.hunts)
        self.failures[failure.fingerprint] = best
        self.emit(FailureShrunk(best, self._write(best)))

    def given_up(self, failure: Failure) -> None:
        """Shrinking was interrupted: the smallest plan so far is worth keeping, but not the last word."""
        old, self._hunted = self.failures[failure.fingerprint], ""
        if not old.shrunk and complexity(failure.plan) < complexity(old.plan):
            self.failures[failure.fingerprint] = failure
            self._write(failure)

    # ---- a new one ---------------------------------------------------------------------------------------------------

    def _found(self, fingerprint: str, attempt: Attempt, origin: str) -> None:
        finding = attempt.finding(fingerprint)
        assert finding is not None, "fingerprints are those of the findings"
        failure = self._failure(finding, attempt, origin)
        self.failures[fingerprint] = failure
        self._waiting[fingerprint] = attempt
        self.emit(FailureFound(failure, self._write(failure)))

    def _again(self, stored: Stored, attempt: Attempt) -> None:
        """The stored plan and history stay the evidence; what was never shrunk gets its turn."""
        failure = found_again(stored.failure)
        self.failures[failure.fingerprint] = failure
        if failure.shrunk:
            self.emit(FailureShrunk(failure, str(stored.path)))
            return
        self._waiting[failure.fingerprint] = attempt
        self.emit(FailureFound(failure, str(stored.path)))

    def _failure(self, finding: Finding, attempt: Attempt, origin: str) -> Failure:
        return Failure(
            fingerprint=finding.fingerprint,
            code=finding.code,
            name=invariant_name(finding.code),
            plan=attempt.plan,
            original=attempt.plan,
            history=attempt.history,
            finding=finding,
            others=others_than(finding, attempt),
            origin=origin,
            seed=self.seed,
            found_at=self.now(),
            target=self.subject.target,
            hub=self.subject.hub,
            tool=tool_version(),
        )

    def _suspect(self, fingerprint: str, attempt: Attempt) -> None:
        if not (fingerprint in self.failures or fingerprint in self.known or fingerprint in self._tried):
            self._suspects.setdefault(fingerprint, attempt.plan)

    def _prefer_smaller(self, fingerprint: str, attempt: Attempt) -> None:
        if complexity(attempt.plan) < complexity(self._waiting[fingerprint].plan):
            self._waiting[fingerprint] = attempt

    def _met_again(self, failure: Failure, attempt: Attempt, origin: str) -> None:
        if not may_improve(failure):
            self._compare(failure, attempt, origin)
        elif failure.fingerprint != self._hunted and attempt.plan not in (failure.plan, failure.original):
            self._hunt_again(failure, attempt, origin)

    def _hunt_again(self, failure: Failure, attempt: Attempt, origin: str) -> None:
        """The first plan to meet it could hardly show it: perhaps this one can."""
        finding = attempt.finding(failure.fingerprint)
        assert finding is not None, "it was met in this execution"
        fresh = self._failure(finding, attempt, origin)
        notes = (AGAIN,) if AGAIN in failure.notes else ()
        self._anew[failure.fingerprint] = msgspec.structs.replace(
            fresh, hunts=failure.hunts + 1, found_at=failure.found_at, notes=notes
        )
        self._waiting[failure.fingerprint] = attempt

    def _compare(self, failure: Failure, attempt: Attempt, origin: str) -> None:
        """It failed in a plan that lacks what the least plan needs: by another cause, perhaps. Told once."""
        lacking = {*needs(failure.plan)} - {*needs(attempt.plan)}
        if not lacking or not failure.shrunk or any(note.startswith(ELSEWHERE) for note in failure.notes):
            return
        note = f"{ELSEWHERE} {', '.join(sorted(lacking))} ({origin}): perhaps there is a second cause"
        noted = msgspec.structs.replace(failure, notes=(*failure.notes, note))
        self.failures[failure.fingerprint] = noted
        if AGAIN not in failure.notes:  # the file of an earlier run stays as it is
            self._write(noted)
        self.emit(Warned(f"{failure.fingerprint} {note}"))

    def _write(self, failure: Failure) -> str:
        """The path; empty, with a warning, if it cannot be written: a full disk must not end the campaign."""
        if self.store is None:
            return ""
        try:
            return str(self.store.write(failure))
        except StoreError as error:
            self.emit(Warned(str(error)))
            return ""


def found_again(failure: Failure) -> Failure:
    """With a note that an earlier run had it."""
    return msgspec.structs.replace(failure, notes=tuple(dict.fromkeys((*failure.notes, AGAIN))))
