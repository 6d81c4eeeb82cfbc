"""What earlier runs left for this one: stored failures to run again, and known ones that do not count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from fuzzer.campaign.events import CampaignEvent, StoredLeft, StoredReplayed
from fuzzer.campaign.options import Result
from fuzzer.campaign.store import FailureStore, Stored
from fuzzer.cli.errors import reason_of
from fuzzer.cli.options import RunOptions
from fuzzer.known import KnownFailure, KnownFailures, read_known, write_known
from fuzzer.replayable import check_is_judged, plan_of
from fuzzer.report.json_report import FixedEntry
from fuzzer.report.layout import plural
from fuzzer.target.errors import TargetError
from fuzzer.target.model import Target
from fuzzer.values import DamagedFile


class Earlier:
    """Handler of campaign events. ``stored`` are run again first; ``notes`` say what is not, and why."""

    def __init__(self, options: RunOptions, target: Target, store: FailureStore) -> None:
        """Raises ``DamagedFile`` if the known failures cannot be read."""
        self._path = options.known
        self._today = date.today()
        self._known = KnownFailures() if self._path is None else read_known(self._path)
        self._prune = options.prune
        self._gone: dict[str, FixedEntry] = {}  # by path
        self._left = 0
        self.notes: list[str] = []
        self.stored = () if options.scenario else tuple(self._of_this_target(store, target, options))

    @property
    def known(self) -> tuple[str, ...]:
        """Fingerprints that do not fail the run."""
        return tuple(entry.fingerprint for entry in self._known.active(self._today))

    def __call__(self, event: CampaignEvent) -> None:
        if isinstance(event, StoredLeft):
            self._left += len(event.fingerprints)
        if isinstance(event, StoredReplayed) and not event.rate.failed and event.sure:
            removed = self._prune and _removed(Path(event.path))
            self._gone[event.path] = FixedEntry(event.fingerprint, event.name, event.rate.runs, event.path, removed)

    def closing_lines(self, result: Result) -> tuple[str, ...]:
        """One line for each known failure that was met, each that has expired, each stored one that is gone, and one
        for those that there was no time for."""
        left = f"{plural(self._left, 'stored failure')} not run again, and kept: half of the time is for what is new"
        lines = (*self.notes, *self._known_lines(result), *map(_gone_line, self._gone.values()))
        return (*lines, left) if self._left else lines

    def fixed(self, result: Result) -> tuple[FixedEntry, ...]:
        """What surely no longer fails: each stored file of it was run again, and nothing else has met it."""
        left = {item.failure.fingerprint for item in self.stored if str(item.path) not in self._gone}
        return tuple(entry for entry in self._gone.values() if entry.fingerprint not in left.union(result.violated))

    def note_seen(self, result: Result) -> tuple[str, ...]:
        """Write down when known failures were last met; a line for people if that cannot be written, as in a read-only
        checkout: these dates are a comfort, and no reason to lose what was found."""
        if self._path is None:
            return ()
        met = {*result.totals.met, *(failure.fingerprint for failure in result.failures)}
        seen = self._known.seen(met, self._today)
        if seen == self._known:
            return ()
        try:
            write_known(self._path, seen)
        except OSError as error:
            return (f"--known: {self._path}: cannot be written: {reason_of(error)}",)
        return ()

    def _known_lines(self, result: Result) -> Iterable[str]:
        found = {failure.fingerprint for failure in result.failures}
        for entry in self._known.failures:
            if entry.expired(self._today) and entry.fingerprint in found:
                yield f"{_named(entry)} was known until {entry.expires}: it counts again"
            elif entry.fingerprint in result.totals.met and not entry.expired(self._today):
                until = f", until {entry.expires}" if entry.expires else ""
                yield f"{_named(entry)} is known: met {result.totals.met[entry.fingerprint]} times, not counted{until}"

    def _of_this_target(self, store: FailureStore, target: Target, options: RunOptions) -> Iterable[Stored]:
        others = 0
        codes = options.codes(options.invariant, "--invariant"), options.codes(options.skip, "--skip")
        for item in store.all():
            if item.failure.target.get("name") != target.name:
                others += 1
            elif self._can_be_run(item, target, *codes):
                yield item
        self.notes += [f"not run again: {line}" for line in store.problems]
        if others:
            self.notes.append(f"{others} stored failure{'s' * (others > 1)} of other targets not run again")

    def _can_be_run(self, item: Stored, target: Target, only: tuple[str, ...], skip: tuple[str, ...]) -> bool:
        if item.failure.code in skip or (only and item.failure.code not in only):
            return False
        try:
            plan_of(item.failure)
            check_is_judged(item.failure, target)
        except (DamagedFile, TargetError) as error:
            self.notes.append(f"{item.path}: not run again: {error}")
            return False
        return True


def in_turn(stored: Sequence[Stored], seed: int) -> tuple[Stored, ...]:
    """Another one is the first with each seed, so that none is too late every night."""
    first = seed % max(1, len(stored))
    return (*stored[first:], *stored[:first])


def _named(entry: KnownFailure) -> str:
    return f"{entry.fingerprint} ({entry.reason})"


def _gone_line(gone: FixedEntry) -> str:
    what = f"{gone.fingerprint} {gone.name} no longer fails"
    return f"{what}: {'its file is removed' if gone.removed else 'kept; --prune removes its file'}"


def _removed(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
