"""Workers as real processes: one result, no plan twice, nobody left behind, whoever is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from campaign_fakes import CROWD
from command import ENVIRONMENT, OPEN_TARGET, Running, hubfuzz, refusal
from histories import H

from fuzzer.campaign import Failure, FailureStore
from fuzzer.hub.target import embedded_target
from fuzzer.report.json_report import Report, report_from_json
from fuzzer.verdict import Finding

ENDING = 30.0  # seconds that orphans may take to notice; they need about two
SMALL = ("--seed", "7", "--workers", "2", "--report", "json,ndjson")
WORKER = "fuzzer.workers.worker"


def report(folder: Path) -> Report:
    return report_from_json((folder / ".hubfuzz" / "reports" / "hubfuzz.json").read_bytes())


def events(folder: Path, kind: str) -> list[dict[str, object]]:
    path = folder / ".hubfuzz" / "reports" / "hubfuzz.ndjson"
    lines = path.read_text().splitlines() if path.exists() else []
    complete = (line for line in lines if line.endswith("}"))
    return [event for line in complete if (event := json.loads(line))["event"] == kind]


def origins(folder: Path) -> list[object]:
    return [event["origin"] for event in events(folder, "plan_executed")]


def workers(run: Running) -> list[psutil.Process]:
    def is_worker(process: psutil.Process) -> bool:
        try:
            return any(WORKER in word for word in process.cmdline())
        except psutil.Error:
            return False

    return [process for process in run.servers() if is_worker(process)]


def family(run: Running) -> list[psutil.Process]:
    """Workers, their servers, and the watchdogs of both."""
    return run.servers()


def assert_ended(processes: list[psutil.Process]) -> None:
    assert processes
    _, alive = psutil.wait_procs(processes, timeout=ENDING)
    assert alive == []


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[Running]:
    """Two workers that have both executed something."""
    with Running("run", "--seconds", "600", *SMALL, cwd=tmp_path) as run:
        run.until(lambda: len(origins(tmp_path)) > 20)
        assert len(workers(run)) == 2
        yield run


def test_the_seed_says_which_plans_however_they_are_shared(tmp_path: Path) -> None:
    seen = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        done = hubfuzz("run", "--plans", "30", *SMALL, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "with 2 workers, seed 7" in done.stdout
        seen.append(origins(folder))
        assert report(folder).plans.plans == 30
        assert report(folder).stop_reason == "plans"
    assert sorted(map(str, seen[0])) == sorted(map(str, seen[1]))
    assert len(set(seen[0])) == 30


def test_a_bug_is_one_failure_however_many_find_it(tmp_path: Path) -> None:
    done = hubfuzz("run", "--bug", "S17", "--plans", "30", *SMALL, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    (failure,) = report(tmp_path).failures
    assert (failure.code, failure.shrunk) == ("HF201", True)
    assert len(events(tmp_path, "failure_found")) == len(events(tmp_path, "failure_shrunk")) == 1
    assert len(list((tmp_path / ".hubfuzz" / "failures").glob("*.json"))) == 1
    again = hubfuzz("run", "--bug", "S17", "--plans", "10", *SMALL, cwd=tmp_path)
    assert again.returncode == 1
    assert f"{failure.fingerprint} {failure.name} of an earlier run still fails: found again" in again.stdout
    assert len(list((tmp_path / ".hubfuzz" / "failures").glob("*.json"))) == 1


def test_the_work_of_a_worker_that_is_killed_is_done_by_others(tmp_path: Path) -> None:
    with Running("run", "--plans", "150", *SMALL, cwd=tmp_path) as run:
        run.until(lambda: len(origins(tmp_path)) > 20)
        dead = workers(run)[0]
        orphans = dead.children(recursive=True)
        dead.kill()
        code = run.process.wait(timeout=110)
        said = run.text()
    assert code == 0, said
    assert "was killed by SIGKILL; what it had to do goes to another" in " ".join(said.split())
    done = origins(tmp_path)
    assert report(tmp_path).plans.plans == 150
    assert set(done) >= {f"plan 0.{index}" for index in range(1, 10)}
    assert_ended([dead, *orphans])


def test_stored_failures_leave_half_of_the_time_to_what_is_new(tmp_path: Path) -> None:
    target, history = {"name": embedded_target().name}, H().join("a").history()
    store = FailureStore(tmp_path / ".hubfuzz" / "failures")
    for number in range(40):
        finding = Finding("HF101", "violated", str(number), "", "", "")
        store.write(Failure(finding.fingerprint, "HF101", CROWD, CROWD, history, finding, target=target))
    done = hubfuzz("run", "--seconds", "6", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    replayed = len(events(tmp_path, "stored_replayed"))
    left = sum(str(event["fingerprints"]).count("HF101-") for event in events(tmp_path, "stored_left"))
    assert 2 <= replayed < 40
    assert left == 40 - replayed
    assert any(line.startswith(f"{left} stored failures not run again") for line in report(tmp_path).warnings)
    assert report(tmp_path).plans.plans > 6, "more than the scenarios"


BROKEN_JUDGE = """
import sys
if any("fuzzer.workers.worker" in word for word in sys.orig_argv):
    from fuzzer.campaign import engine
    from fuzzer.hub.target import embedded_target
    from fuzzer.scenarios import SCENARIOS
    real, bad = engine.default_judge(), SCENARIOS["lifecycle"].build_for(embedded_target())
    def judge(history, **which):
        if history.plan == bad:
            raise KeyError("a bug of a judge")
        return real(history, **which)
    engine.default_judge = lambda: judge
"""


def test_a_plan_that_breaks_hubfuzz_itself_is_said_and_no_run_without_it_is_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(BROKEN_JUDGE)
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", f"{tmp_path}{os.pathsep}{ENVIRONMENT['PYTHONPATH']}")
    done = hubfuzz("run", "--scenario", "all", *SMALL, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    why = r"internal error: KeyError: 'a bug of a judge' \(traceback in \S+\)"
    assert re.search(rf"warning: worker \d: {why}; what it had to do goes to another", said)
    assert re.search(rf"warning: worker \d: {why}; what else it had to do goes to another", said)
    assert "warning: scenario lifecycle is left out: two workers did not survive it" in said
    assert said.endswith(", 5 plans, 1 plan left out")
    told = report(tmp_path)
    assert (told.exit_code, told.complete, told.why) == (2, False, "all other plans are executed")
    assert any("scenario lifecycle is left out" in line for line in told.warnings)


def test_ctrl_c_ends_all_in_order(endless: Running, tmp_path: Path) -> None:
    processes = family(endless)
    assert endless.interrupt() == 130
    assert_ended(processes)
    said = endless.text()
    assert "Traceback" not in said
    assert said.rstrip().endswith(", interrupted")
    assert report(tmp_path).stop_reason == "interrupted"
    assert not any("SIGKILL" in line for line in report(tmp_path).warnings)


def test_two_times_ctrl_c_leaves_nobody_behind(endless: Running) -> None:
    processes = family(endless)
    assert endless.interrupt(again=True) == 130
    assert_ended(processes)


def test_when_the_parent_is_killed_everybody_notices(endless: Running) -> None:
    processes = family(endless)
    assert len(processes) >= 7, "two workers with a server and a watchdog each, and the watchdog of the workers"
    endless.process.kill()
    endless.process.wait()
    assert_ended(processes)


def test_a_worker_that_is_stopped_ends_with_its_parent(endless: Running) -> None:
    processes = family(endless)
    os.kill(workers(endless)[0].pid, signal.SIGSTOP)
    endless.process.kill()
    endless.process.wait()
    assert_ended(processes)


def test_one_line_for_a_server_that_does_not_come(tmp_path: Path) -> None:
    text = OPEN_TARGET.format(start='["{python}", "-c", "raise SystemExit(3)"]')
    (tmp_path / "hubfuzz.toml").write_text(text)
    done = hubfuzz("run", "--seconds", "2", "--workers", "2", cwd=tmp_path)
    assert done.returncode == 2
    assert "status 3" in done.stderr.splitlines()[-1]
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5", "257", "²"])
def test_no_number_of_workers(number: str, tmp_path: Path) -> None:
    assert "--workers" in refusal("run", f"--workers={number}", cwd=tmp_path)


def test_a_fixed_port_is_for_one_server(tmp_path: Path) -> None:
    text = OPEN_TARGET.format(start='["{python}", "x.py"]').replace("{port}", "8123")
    (tmp_path / "hubfuzz.toml").write_text(text)
    assert "{port}" in refusal("run", "--workers", "2", cwd=tmp_path)


def test_who_gets_everybodys_messages_cannot_be_shared(tmp_path: Path) -> None:
    text = OPEN_TARGET.format(start="[]").replace("start = []\n", "").replace("{port}", "8123")
    (tmp_path / "hubfuzz.toml").write_text(text + '[policy]\ngroup = "all"\n')
    assert "policy.group" in refusal("run", "--workers", "2", cwd=tmp_path)


def test_workers_share_a_server_that_runs_already(tmp_path: Path) -> None:
    with Running("hub", cwd=tmp_path) as hub:
        hub.until(lambda: "listening on " in hub.text())
        url = hub.text().split("listening on ")[1].split(",")[0]
        done = hubfuzz("run", "--url", url, "--plans", "40", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report(tmp_path).plans.plans == 40


def test_the_ceiling_ends_everything_shrinking_included(tmp_path: Path) -> None:
    began = time.monotonic()
    done = hubfuzz("run", "--bug", "S19", "--seconds", "600", "--ceiling", "15", *SMALL, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the ceiling of 15 s is reached" in done.stdout
    assert time.monotonic() - began < 60, "and not the ten minutes that it might have explored"


def test_memory_of_a_worker_does_not_grow_with_what_it_has_executed(endless: Running, tmp_path: Path) -> None:
    """A leak of every history would be some 40 kB a plan: 10 MB between the two readings."""
    endless.until(lambda: len(origins(tmp_path)) > 150)  # until then caches fill
    before = sum(worker.memory_info().rss for worker in workers(endless))
    endless.until(lambda: len(origins(tmp_path)) > 400)
    after = sum(worker.memory_info().rss for worker in workers(endless))
    assert after - before < 10_000_000
