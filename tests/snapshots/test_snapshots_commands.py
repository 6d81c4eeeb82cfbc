"""Every command from its arguments to what it prints and how it exits, good and bad; only servers are stood in for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
import samples
from histories import H
from msgspec import structs
from outputs import Run, set_terminal
from samples import TARGET
from syrupy.assertion import SnapshotAssertion

from fuzzer.campaign.events import (
    CampaignEvent,
    FailureFound,
    FailureShrunk,
    Finished,
    PlanExecuted,
    ServerRestarted,
    ShrinkStep,
    Started,
    Warned,
)
from fuzzer.campaign.failure import Failure, Rate, failure_to_json
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.reproduce import Replayed
from fuzzer.cli import replay
from fuzzer.cli.app import app, call
from fuzzer.cli.campaign import Work
from fuzzer.exit_codes import ExitCode
from fuzzer.history import history_to_json
from fuzzer.invariants import INVARIANTS
from fuzzer.plan import Send

COMMANDS = ("", "run", "init", "replay", "check", "explain", "failures", "schema", "bugs", "hub")

# ---- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option_and_nothing_of_python(command: str, hubfuzz: Run) -> None:
    said = hubfuzz(*filter(None, [command]), "--help")
    known = app.commands[command].params if command else app.params
    for flag in (flag for param in known for flag in param.opts if flag.startswith("--")):
        assert flag in said
    assert "RANGE" not in said
    assert "FLOAT" not in said
    assert said.endswith("exit code 0\n")


@pytest.mark.skipif(not metadata.version("rich-click").startswith("1.9."), reason="drawn as rich-click 1.9 does")
@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, hubfuzz: Run, shown: SnapshotAssertion) -> None:
    assert re.sub(r" +\n", "\n", hubfuzz(*filter(None, [command]), "--help")) == shown


# ---- what can be learned ---------------------------------------------------------------------------------------------


def test_explain_all(hubfuzz: Run, shown: SnapshotAssertion) -> None:
    assert hubfuzz("explain") == shown


@pytest.mark.parametrize("code", [invariant.code for invariant in INVARIANTS])
def test_explain(code: str, hubfuzz: Run, shown: SnapshotAssertion) -> None:
    assert hubfuzz("explain", code) == shown


@pytest.mark.parametrize("name", ["slot-leak", "hf203", "HF203-3f9a2c"])
def test_explain_takes_codes_names_and_failures(name: str, hubfuzz: Run) -> None:
    assert "HF203  slot-leak" in hubfuzz("explain", name)


def test_bugs(hubfuzz: Run, shown: SnapshotAssertion) -> None:
    assert hubfuzz("bugs") == shown


def test_one_bug(hubfuzz: Run, shown: SnapshotAssertion) -> None:
    assert hubfuzz("bugs", "s15") == shown


# ---- check -----------------------------------------------------------------------------------------------------------


OPS = (samples.opened("a"), samples.opened("b"), Send(conn="a", msg="m0"))


def written(name: str, history: H) -> str:
    Path(name).write_bytes(history_to_json(history.history()))
    return name


def test_check_of_a_good_and_a_bad_history(hubfuzz: Run, shown: SnapshotAssertion) -> None:
    written("good.json", H(None, *OPS).phase("batch:0").join("a", "b").send("m0", "a").got("m0", "b").quiet())
    written("twice.json", H(None, *OPS).phase("batch:0").join("a", "b").send("m0", "a").got("m0", "b", "b").quiet())
    said = hubfuzz("check", "good.json", "--invariant", "no-duplicate")
    assert said + hubfuzz("check", "twice.json", "--invariant", "no-duplicate") == shown


def test_check_of_a_folder_with_damaged_files(hubfuzz: Run, shown: SnapshotAssertion) -> None:
    written("good.json", H(None, *OPS).phase("batch:0").join("a", "b").send("m0", "a").got("m0", "b").quiet())
    written("idle.json", H().phase("batch:0"))
    Path("broken.json").write_text("{")
    Path("other.json").write_text('{"format": "hubfuzz-history/9"}')
    Path("wrong.json").write_text('{"format": "hubfuzz-history/1", "events": 3}')
    assert hubfuzz("check", ".", "--invariant", "HF103") == shown


def test_check_of_plans_that_exercised_nothing(hubfuzz: Run, shown: SnapshotAssertion) -> None:
    for name in ("one", "two"):
        refused = H(None, *OPS).phase("batch:0").open("a", "b").refused("a", 503).refused("b", 503).phase("canary")
        refused.join("c", user="c", role="canary").join("d", user="c", role="canary").send("~c", "c").got("~c", "d")
        written(f"{name}.json", refused.quiet())
    said = hubfuzz("check", ".")
    assert said.endswith("exit code 2\n")
    written("good.json", H(None, *OPS).phase("batch:0").join("a", "b").send("m0", "a").got("m0", "b").quiet())
    said += hubfuzz("check", ".")
    assert said.endswith("exit code 0\n")
    assert said == shown


# ---- replay ----------------------------------------------------------------------------------------------------------


def outcomes(monkeypatch: pytest.MonkeyPatch, *ends: Replayed | None) -> None:
    """Replays come out like this, one after the other; None: interrupted after three runs."""
    left = iter(ends)

    def run(*_: object) -> replay.Measured:
        return replay.Measured(next(left), Rate(2, 3))

    monkeypatch.setattr(replay, "_run", run)
    monkeypatch.setattr(replay, "target_for", lambda *_: None)


def test_replay_failed(
    hubfuzz: Run, stored: Failure, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion
) -> None:
    outcomes(monkeypatch, samples.seen_again(stored, 18, 20))
    assert hubfuzz("replay", "failures", "--trace") == shown


@pytest.mark.parametrize(
    "end",
    [Replayed(Rate(0, 20)), Replayed(Rate(0, 0), error="the server ended with status 7"), None],
    ids=["FIXED", "ERROR", "STOPPED"],
)
def test_replay_ends(
    end: Replayed | None, hubfuzz: Run, stored: Failure, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion
) -> None:
    outcomes(monkeypatch, end)
    assert hubfuzz("replay", "hf201", "--failures", "failures") == shown


@pytest.mark.parametrize("runs", [3, 20], ids=["too-few", "enough"])
def test_replay_that_prunes(
    runs: int, hubfuzz: Run, stored: Failure, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion
) -> None:
    rare = structs.replace(stored, rate=Rate(9, 20))
    Path("failures/HF201-3461cc.json").write_bytes(failure_to_json(rare))
    outcomes(monkeypatch, Replayed(Rate(0, runs)))
    assert hubfuzz("replay", "failures", "--prune") == shown
    assert bool(list(Path("failures").iterdir())) == (runs == 3)


def test_replay_that_fails_otherwise_is_not_pruned(
    hubfuzz: Run, stored: Failure, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion
) -> None:
    outcomes(monkeypatch, samples.seen_otherwise(20))
    said = hubfuzz("replay", "failures", "--prune")
    assert said.endswith("exit code 1\n")
    assert said == shown
    assert list(Path("failures").iterdir())


def test_the_trace_of_a_run_that_did_not_fail(
    hubfuzz: Run, stored: Failure, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion
) -> None:
    seen = samples.seen_again(stored, 1, 1).witness
    assert seen is not None
    last = replace(seen, history=structs.replace(seen.history, log=("INFO: connection open",)))
    outcomes(monkeypatch, Replayed(Rate(0, 20), last=last))
    assert hubfuzz("replay", "failures", "--trace") == shown


def test_replay_of_a_folder_goes_on_after_a_damaged_file(
    hubfuzz: Run, stored: Failure, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion
) -> None:
    outcomes(monkeypatch, Replayed(Rate(0, 20)))
    Path("failures/HF101-aaaaaa.json").write_text("{")
    assert hubfuzz("replay", "failures") == shown


# ---- run -------------------------------------------------------------------------------------------------------------


def test_a_dry_run(hubfuzz: Run, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion) -> None:
    Path("hubfuzz.toml").write_text(TARGET)
    plans = [samples.loss().plan, samples.limit().plan, samples.crowd()]
    monkeypatch.setattr("strategies.draw.draw_plans", lambda shape, seed: iter(plans))
    assert hubfuzz("run", "--dry-run", "--seed", "7", "--skip", "HF302") == shown


def story(*failures: Failure) -> Iterator[CampaignEvent]:
    """What a campaign says that finds these."""
    yield Started(Subject("chat"), Options(seconds=30, seed=7), 6)
    yield PlanExecuted(1, "scenario five-tabs", 12, 0.05, 0.05, samples.EXERCISE)
    for failure in failures:
        yield PlanExecuted(2, "plan 1", 14, 0.061, 0.11, samples.EXERCISE, (failure.fingerprint,), ("HF501",))
        yield FailureFound(failure, f"failures/{failure.fingerprint}.json")
        yield ServerRestarted(f"{failure.fingerprint} is shrunk on a fresh server")
        yield ShrinkStep(failure.fingerprint, failure.plan, failure.plan.size(), 12, 0.8, "drop ops")
        yield FailureShrunk(failure, f"failures/{failure.fingerprint}.json")
    yield Warned("failures/HF101-000000.json: cannot be written: no space left on device")


def campaign_of(monkeypatch: pytest.MonkeyPatch, events: Iterable[CampaignEvent], result: Result | None) -> None:
    """A campaign that says this and ends so; ``None``: interrupted before its first plan."""

    async def campaign(work: Work) -> Result | None:
        if result is None:
            return None
        for event in (*events, Finished(result)):
            work.emit(event)
        return result

    monkeypatch.setattr("fuzzer.cli.campaign._campaign", campaign)
    monkeypatch.setattr("fuzzer.report.terminal.time.monotonic", lambda: 100.0)


ENDS = {
    "clean": (samples.clean(), ExitCode.CLEAN),
    "with-failures": (samples.with_failures(), ExitCode.FAILURES),
    "interrupted": (samples.interrupted(), ExitCode.INTERRUPTED),
    "server-gone": (samples.server_gone(), ExitCode.ERROR),
    "vacuous": (samples.vacuous(), ExitCode.ERROR),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_run(end: str, hubfuzz: Run, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion) -> None:
    result, code = ENDS[end]
    campaign_of(monkeypatch, story(*result.failures), result)
    said = hubfuzz("run", "--bug", "S15", "--report", "json,ndjson", "--report-dir", "reports")
    assert f"exit code {int(code)}" in said
    assert said == shown


def test_a_verbose_run(hubfuzz: Run, monkeypatch: pytest.MonkeyPatch, shown: SnapshotAssertion) -> None:
    campaign_of(monkeypatch, story(samples.loss()), samples.interrupted())
    assert hubfuzz("run", "--bug", "S15", "--verbose") == shown


def test_a_run_that_is_interrupted_before_its_first_plan(hubfuzz: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_of(monkeypatch, (), None)
    said = hubfuzz("run", "--bug", "S15")
    assert said.endswith("stderr: hubfuzz: interrupted\n\nexit code 130\n")


def test_a_run_in_colour(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shown: SnapshotAssertion,
) -> None:
    monkeypatch.chdir(tmp_path)
    set_terminal(monkeypatch, 80, colour=True)
    campaign_of(monkeypatch, story(samples.limit()), samples.result("time", "30 s are over", samples.limit()))
    assert call(["run", "--bug", "S15"]) == ExitCode.FAILURES
    assert capsys.readouterr().out.replace("\x1b", "␛") == shown
