"""Test items: the scenarios and a short campaign of a target file, and the replay of a failure file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest._code.code import ExceptionInfo, ReprFileLocation, TerminalRepr
from _pytest._io import TerminalWriter

from fuzzer.campaign.runner import ServerUnavailable
from fuzzer.campaign.store import StoreError
from fuzzer.hub_failure import HubFailure, Vacuous
from fuzzer.known import KnownFailure
from fuzzer.pytest_checks import Asked, Check, Replay, checks_of
from fuzzer.pytest_settings import allowed_hosts, in_words_of_pytest, known_failures
from fuzzer.session_thread import SessionThread
from fuzzer.target.errors import ProbeError, ServerError, TargetError
from fuzzer.target.load import load_target
from fuzzer.target.model import Target
from fuzzer.values import DamagedFile

UNUSABLE = (TargetError, ServerError, ProbeError, ServerUnavailable, DamagedFile, StoreError)


class HubFile(pytest.File):
    """A target file. Its items share one session with one server, begun by the first and ended after the last."""

    _session: SessionThread | None = None
    _unusable: str = ""
    target: Target
    known: dict[str, KnownFailure]

    def collect(self) -> Iterator[HubItem]:
        """One item for each scenario, one for tokens if there are any, one campaign of drawn plans."""
        try:
            self.target = load_target(self.path, allow_hosts=allowed_hosts(self.config))
            self.known = known_failures(self.config)
        except (TargetError, DamagedFile) as error:
            raise self.CollectError(one_line(error)) from None
        for check in checks_of(self.target):
            yield HubItem.from_parent(self, check=check)

    def thread(self) -> SessionThread:
        """The session; a server that did not come is not tried again by the next item."""
        if self._unusable:
            raise given_up(self._unusable)
        if self._session is None or self._session.closed:
            try:
                self._session = SessionThread(self.target)
            except UNUSABLE as error:
                self.give_up(error)
                raise given_up(self._unusable) from None
        return self._session

    def give_up(self, error: BaseException) -> None:
        """Let no further item wait for what will not come."""
        self._unusable = one_line(error)

    def renew(self) -> None:
        """Let the next item begin with a fresh session: this one has seen a failure."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def teardown(self) -> None:
        self.renew()


class HubItem(pytest.Item):
    """One check of a hub."""

    parent: HubFile

    def __init__(self, *, check: Check, **kwargs: object) -> None:
        super().__init__(check.name, **kwargs)  # type: ignore[arg-type]
        self.check = check
        self.extra_keyword_matches.update(check.keywords)
        if check.refusal:
            self.add_marker(pytest.mark.skip(reason=f"{check.name}: {check.refusal}"))

    def setup(self) -> None:
        self.parent.thread()

    def runtest(self) -> None:
        known = self.parent.known
        asked = Asked(self.parent.thread(), self.parent.target, failures_folder(self), tuple(known))
        try:
            result = self.check.run(asked)
        except BaseException as error:
            self.parent.renew()
            if isinstance(error, ProbeError):
                self.parent.give_up(error)
            raise
        for fingerprint in sorted(known.keys() & result.totals.met):
            line = f"{fingerprint} ({known[fingerprint].reason}) is known: met {result.totals.met[fingerprint]} times"
            self.add_report_section("call", "hubfuzz", line)

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        return self.path, 0, f"{self.check.kind} {self.check.name}: {self.check.meaning}"

    def repr_failure(self, excinfo: ExceptionInfo[BaseException], style: object = None) -> str | TerminalRepr:
        """The text of the failure, or one line; a traceback only for what should not happen."""
        return told(self, excinfo) or super().repr_failure(excinfo)


class FailureFile(pytest.File):
    """A failure file: one item, which is read when it runs, so that a damaged file stops no other."""

    def collect(self) -> Iterator[FailureItem]:
        """The replay, by the name of the file."""
        yield FailureItem.from_parent(self, name=self.path.stem)


class FailureItem(pytest.Item):
    """Replays a stored failure: passes if it is fixed and nothing else fails in place of it.

    A file or server that cannot be used is an error of setup."""

    _replay: Replay | None = None
    _known: dict[str, KnownFailure]

    def setup(self) -> None:
        try:
            self._known = known_failures(self.config)
            self._replay = Replay(self.path, allowed_hosts(self.config))
        except UNUSABLE as error:
            raise given_up(f"ERROR {one_line(error)}") from None

    def runtest(self) -> None:
        assert self._replay is not None, "setup made it"
        try:
            self._replay.run()
        except HubFailure as error:
            entries = [self._known.get(failure.fingerprint) for failure in error.failures]
            if None not in entries:  # what came in place of a known failure need not be known
                pytest.xfail("; ".join(f"{entry.fingerprint} is known: {entry.reason}" for entry in entries if entry))
            raise

    def teardown(self) -> None:
        if self._replay is not None:
            self._replay.close()

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        return self.path, 0, f"replay of {self.name}"

    def repr_failure(self, excinfo: ExceptionInfo[BaseException], style: object = None) -> str | TerminalRepr:
        """As for the items of a target file."""
        return told(self, excinfo) or super().repr_failure(excinfo)


class Told(TerminalRepr):
    """Text for people in place of a traceback. ``reprcrash`` is what summaries and JUnit take their one line from."""

    def __init__(self, text: str, headline: str, path: Path) -> None:
        self._text = text
        self.reprcrash = ReprFileLocation(str(path), 1, headline)

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write it as it is."""
        for line in self._text.splitlines():
            tw.line(line)


def told(item: pytest.Item, excinfo: ExceptionInfo[BaseException]) -> Told | None:
    """What is to be shown for this error; None if only its traceback can explain it."""
    error = excinfo.value
    if isinstance(error, HubFailure):
        return Told(str(error), error.headline, item.path)
    if isinstance(error, (*UNUSABLE, Vacuous)):
        return Told(one_line(error), one_line(error), item.path)
    if isinstance(error, pytest.fail.Exception) and not error.pytrace:
        return Told(str(error), str(error), item.path)
    return None


def one_line(error: BaseException) -> str:
    """The error, and the last thing that the server said, if it is one of a server."""
    return in_words_of_pytest(" ".join(str(error).split()))


def given_up(line: str) -> BaseException:
    """What ends an item with one line and no traceback; during setup pytest calls that an error."""
    return pytest.fail.Exception(line, pytrace=False)


def failures_folder(item: pytest.Item) -> Path:
    """Where failures are stored: below the root of the test run, wherever that was started."""
    return item.config.rootpath / ".hubfuzz" / "failures"
