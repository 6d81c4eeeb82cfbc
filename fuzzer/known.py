"""Known failures: shown in every run, but no reason to fail it until they expire. To be kept under version control."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from fuzzer.campaign.store import replace_file
from fuzzer.values import DamagedFile, Value, decode, encode

KNOWN_FORMAT: Final = "hubfuzz-known/1"
FINGERPRINT: Final = re.compile(r"(HF\d{3})-[0-9a-f]{6}")


class KnownFailure(Value):
    """One entry. Dates are ISO 8601 (2026-12-31). It is known up to and with the day ``expires``; empty: for good."""

    fingerprint: str
    code: str
    reason: str
    first_seen: str = ""
    last_seen: str = ""
    expires: str = ""

    def expired(self, today: date) -> bool:
        """It counts as a failure again."""
        return bool(self.expires) and date.fromisoformat(self.expires) < today


class KnownFailures(Value):
    """The file; each fingerprint at most once."""

    failures: tuple[KnownFailure, ...] = ()
    format: str = KNOWN_FORMAT

    def active(self, today: date) -> tuple[KnownFailure, ...]:
        """Those that do not fail a run."""
        return tuple(entry for entry in self.failures if not entry.expired(today))

    def find(self, fingerprint: str) -> KnownFailure | None:
        """The entry of this fingerprint."""
        return next((entry for entry in self.failures if entry.fingerprint == fingerprint), None)

    def seen(self, fingerprints: Collection[str], today: date) -> KnownFailures:
        """With the dates brought up to today for those that were met."""
        return KnownFailures(tuple(_seen(e, today) if e.fingerprint in fingerprints else e for e in self.failures))

    def put(self, entry: KnownFailure) -> KnownFailures:
        """With this entry, in place of an earlier one of the same fingerprint."""
        others = [other for other in self.failures if other.fingerprint != entry.fingerprint]
        return KnownFailures(tuple(sorted([*others, entry], key=lambda each: each.fingerprint)))

    def without_expired(self, today: date) -> KnownFailures:
        """Only those that still count as known."""
        return KnownFailures(self.active(today))


def _seen(entry: KnownFailure, today: date) -> KnownFailure:
    return msgspec.structs.replace(entry, first_seen=entry.first_seen or str(today), last_seen=str(today))


def read_known(path: Path) -> KnownFailures:
    """Read the file; one that is not there knows nothing. Raises ``DamagedFile``, one line."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return KnownFailures()
    except OSError as error:
        raise DamagedFile(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    known = decode(data, KnownFailures, KNOWN_FORMAT, str(path))
    for number, entry in enumerate(known.failures):
        if problem := _problem(entry, known):
            raise DamagedFile(f"{path}: failures[{number}]: {problem}")
    return known


def active_today(path: Path) -> tuple[str, ...]:
    """The fingerprints in this file that need not fail a run today. Raises ``DamagedFile``."""
    return tuple(entry.fingerprint for entry in read_known(path).active(date.today()))


def write_known(path: Path, known: KnownFailures) -> None:
    """Replace the file whole. Raises ``OSError``."""
    replace_file(path, msgspec.json.format(encode(known), indent=2) + b"\n")


def _problem(entry: KnownFailure, known: KnownFailures) -> str:
    match = FINGERPRINT.fullmatch(entry.fingerprint)
    if match is None:
        return f"fingerprint is {entry.fingerprint!r}, expected one like HF201-3461cc"
    if entry.code != match[1]:
        return f"code is {entry.code!r}, but the fingerprint begins with {match[1]}"
    if sum(other.fingerprint == entry.fingerprint for other in known.failures) > 1:
        return f"{entry.fingerprint} is there twice"
    if not entry.reason.strip():
        return f"{entry.fingerprint} has no reason"
    for name in ("first_seen", "last_seen", "expires"):
        if not is_date(getattr(entry, name)):
            return f"{name} is {getattr(entry, name)!r}, expected a date like 2026-12-31"
    return ""


def is_date(text: str) -> bool:
    """A calendar date as it is written in the file, or nothing."""
    try:
        return text == "" or str(date.fromisoformat(text)) == text
    except ValueError:
        return False
