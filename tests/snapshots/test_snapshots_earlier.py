"""What earlier runs left: ``hubfuzz failures``, and what a run says of it; ``hubfuzz init`` and what it saw."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
import samples
from msgspec.structs import replace
from outputs import Run
from syrupy.assertion import SnapshotAssertion
from test_snapshots_commands import campaign_of

from fuzzer.campaign.events import CampaignEvent, FailureFound, FailureShrunk, Started, StoredReplayed
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.ledger import AGAIN
from fuzzer.campaign.options import Options, Subject
from fuzzer.init.steps import Step
from fuzzer.known import KnownFailure, KnownFailures, write_known

TODAY = date(2026, 11, 25)


class Day(date):
    """It is always the same."""

    @classmethod
    def today(cls) -> date:
        return TODAY


@pytest.fixture(autouse=True)
def _same_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzzer.cli.failures.date", Day)
    monkeypatch.setattr("fuzzer.cli.earlier.date", Day)


def known(expires: str) -> KnownFailure:
    return KnownFailure("HF201-3461cc", "HF201", "issue 7: a lock is missing", "2026-11-01", "2026-11-02", expires)


OTHER = KnownFailure("HF101-abcdef", "HF101", "the client asks again", "2026-10-01", "2026-11-24")


# ---- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expires", ["", "2026-12-31", "2026-11-24"], ids=["for-good", "until", "expired"])
@pytest.mark.usefixtures("stored")
def test_a_list(expires: str, hubfuzz: Run, shown: SnapshotAssertion) -> None:
    write_known(Path("known.json"), KnownFailures((OTHER, known(expires))))
    assert hubfuzz("failures", "--failures", "failures") == shown


@pytest.mark.usefixtures("stored")
def test_from_stored_to_known_and_gone(hubfuzz: Run, shown: SnapshotAssertion) -> None:
    said = hubfuzz("failures")
    said += hubfuzz("failures", "list", "--failures", "failures")
    said += hubfuzz("failures", "add", "hf201-3461CC", "--reason", "issue 7", "--failures", "failures")
    said += hubfuzz("failures", "list", "--failures", "failures")
    write_known(Path("known.json"), KnownFailures((OTHER, known("2026-11-24"))))
    said += hubfuzz("failures", "prune")
    assert said + hubfuzz("failures", "prune") == shown


BAD = {
    "no-fingerprint": ("add", "HF201", "--reason", "x"),
    "no-reason": ("add", "HF201-3461cc", "--reason", " "),
    "no-day": ("add", "HF201-3461cc", "--reason", "x", "--expires", "soon"),
    "past": ("add", "HF201-3461cc", "--reason", "x", "--expires", "2026-11-24"),
    "no-command": ("delete",),
    "damaged": ("list", "--known", "damaged.json"),
    "wrong": ("prune", "--known", "wrong.json"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_request(what: str, hubfuzz: Run, shown: SnapshotAssertion) -> None:
    Path("damaged.json").write_text("{")
    entry = '{"fingerprint": "HF201-3461cc", "code": "HF201", "reason": "x", "expires": "next week"}'
    Path("wrong.json").write_text(f'{{"format": "hubfuzz-known/1", "failures": [{entry}]}}')
    said = hubfuzz("failures", *BAD[what])
    assert said.endswith("exit code 2\n")
    assert said == shown


# ---- run -------------------------------------------------------------------------------------------------------------


def replayed(failure: Failure, rate: Rate, sure: bool = True, known: bool = False) -> StoredReplayed:
    path = f"failures/{failure.fingerprint}.json"
    return StoredReplayed(failure.fingerprint, failure.name, path, rate, sure, known)


def story(*, again: Failure, gone: Failure) -> list[CampaignEvent]:
    """Failures of earlier runs: found again, gone, and one that has hardly been tried."""
    path = f"failures/{again.fingerprint}.json"
    return [
        Started(Subject("chat"), Options(seconds=30, seed=7, workers=2), 6),
        replayed(again, Rate(1, 3)),
        FailureFound(again, path),
        FailureShrunk(again, path),
        replayed(gone, Rate(0, 20)),
        replayed(gone, Rate(0, 2), sure=False),
        replace(replayed(gone, Rate(0, 9), sure=False), instead={again.fingerprint: 8, "HF502-e6b285": 1}),
    ]


@pytest.mark.parametrize("prune", [(), ("--prune",)], ids=["kept", "pruned"])
@pytest.mark.usefixtures("stored")
def test_a_run_with_stored_failures(
    prune: tuple[str, ...], hubfuzz: Run, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion
) -> None:
    again = replace(samples.loss(), notes=(AGAIN,))
    result = samples.result("time", "30 s are over", again)
    campaign_of(monkeypatch, story(again=again, gone=samples.limit()), result)
    assert hubfuzz("run", "--bug", "S15", "--failures", "failures", *prune) == shown
    assert Path("failures/HF201-3461cc.json").exists() == (not prune)


@pytest.mark.parametrize("expires", ["2026-12-31", "2026-11-24"], ids=["until", "expired"])
def test_a_run_with_known_failures(
    expires: str, hubfuzz: Run, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion
) -> None:
    write_known(Path("known.json"), KnownFailures((OTHER, known(expires))))
    counts = expires == "2026-11-24"
    failures = [samples.limit()] if counts else []
    result = samples.result("time", "30 s are over", *failures)
    result = replace(result, totals=replace(result.totals, met={"HF201-3461cc": 3}))
    events = [
        Started(Subject("chat"), Options(seconds=30, seed=7), 6),
        replayed(samples.limit(), Rate(1, 1), known=not counts),
    ]
    campaign_of(monkeypatch, events, result)
    said = hubfuzz("run", "--bug", "S15", "--known", "known.json", "--failures", "failures")
    assert said.endswith(f"exit code {int(counts)}\n")
    assert said == shown


# ---- init ------------------------------------------------------------------------------------------------------------

SAW = {
    "fits": (
        Step("connect", "ok", "a connection with a good token was let in"),
        Step(
            "limit",
            "hint",
            "5 tabs of one user; one more was closed with 4429",
            "policy.limit = {max = 5, codes = [4429]}",
        ),
        Step("probe", "skipped", "no counts in [probe]"),
    ),
    "does-not-fit": (Step("connect", "change", "refused with status 404", "target.url: is this where the hub is?"),),
}


@pytest.mark.parametrize("what", SAW)
def test_init(what: str, hubfuzz: Run, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion) -> None:
    @asynccontextmanager
    async def serve(target: object) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(port=1)

    async def look(visits: object) -> AsyncIterator[Step]:
        for step in SAW[what]:
            yield step

    monkeypatch.setenv("JWT_SECRET", "a secret of at least thirty-two bytes")
    monkeypatch.setattr("fuzzer.target.process.serve", serve)
    monkeypatch.setattr("fuzzer.init.steps.look", look)
    said = hubfuzz("init", "chat.toml", "--start", "hub --port {port}")
    said += hubfuzz("init", "chat.toml") + hubfuzz("init", "chat.toml", "--start", "other")
    assert re.sub("trying it on .*?, which", "trying it on CHAT, which", said) == shown


def test_the_file_that_init_writes(hubfuzz: Run, shown: SnapshotAssertion) -> None:
    Path("chat").mkdir()
    hubfuzz("init", "chat/hubfuzz.toml", "--no-try", "--auth", "none")
    assert Path("chat/hubfuzz.toml").read_text() == shown
