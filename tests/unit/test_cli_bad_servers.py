"""Servers that cannot be fuzzed get one line that says why; one that dies on the way is told as what it is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from command import BAD_SERVER, OPEN_TARGET, TARGET, Running, hubfuzz, refusal, target_file

from fuzzer.target.process import free_port


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("echo", "what listens there does not speak WebSocket (opening handshake: not a valid opening handshake"),
        ("mute", "it accepts connections, but did not answer the opening handshake"),
        ("hangup", "what listens there does not speak WebSocket (opening handshake: it hangs up)"),
        ("reject", "(HTTP 401); are auth.secret, auth.claims and auth.place what the server expects?"),
        ("deaf", "a published message did not come back (are protocol.publish and protocol.deliver"),
    ],
)
def test_a_server_that_is_no_hub(how: str, said: str, tmp_path: Path) -> None:
    target_file(tmp_path, how)
    line = refusal("run", "--seconds", "1", cwd=tmp_path)
    assert said in line
    assert "eyJ" not in line, "a token was shown"
    assert not psutil.pid_exists(int((tmp_path / "server.pid").read_text()))


def test_a_replay_against_a_server_that_rejects_everybody_is_not_fixed(tmp_path: Path, running: int) -> None:
    stored = hubfuzz("run", "--bug", "S17", "--plans", "4", "--max-failures", "1", "--seed", "1", cwd=tmp_path)
    assert stored.returncode == 1
    done = hubfuzz("replay", ".hubfuzz/failures", "--url", f"ws://127.0.0.1:{running}", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout.startswith("ERROR ")
    assert "HTTP 401" in done.stderr


@pytest.fixture
def running(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a bad server that hubfuzz did not start."""
    how, port = getattr(request, "param", "reject"), free_port()
    with subprocess.Popen(
        [sys.executable, BAD_SERVER, str(port), how], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as server:
        while server.poll() is None and not psutil.Process(server.pid).net_connections("tcp"):
            time.sleep(0.02)
        yield port
        server.kill()


@pytest.mark.parametrize("running", ["dies:400"], indirect=True)
def test_a_server_of_others_that_dies_in_the_middle(running: int, tmp_path: Path) -> None:
    target_file(tmp_path, "unused", text=OPEN_TARGET)
    options = ("--shrink-seconds", "2", "--report", "json", "--report-dir", ".")
    done = hubfuzz("run", "--seconds", "20", *options, "--url", f"ws://127.0.0.1:{running}", cwd=tmp_path)
    assert "Traceback" not in done.stderr
    report = json.loads((tmp_path / "hubfuzz.json").read_text())
    assert report["stop_reason"] == "server-unavailable"
    assert not report["complete"]
    assert done.returncode == report["exit_code"] == (1 if report["failures"] else 2)
    assert done.stdout.rstrip().endswith("server unavailable")
    assert "it is not ours to restart" in " ".join(done.stdout.split())


def test_a_server_of_ours_that_dies_in_the_middle_is_a_failure_with_its_last_words(tmp_path: Path) -> None:
    target_file(tmp_path, "dies:300", text=OPEN_TARGET)
    options = ("--invariant", "HF502", "--max-failures", "1", "--shrink-seconds", "3", "--seed", "1")
    done = hubfuzz("run", "--seconds", "30", *options, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the server process ended with status 7" in done.stdout
    assert "  Server log, the end" in done.stdout
    assert "    fatal: the disk is full" in done.stdout
    assert len(list((tmp_path / ".hubfuzz" / "failures").glob("HF502-*.json"))) == 1


def test_ctrl_c_does_not_wait_for_a_server_that_takes_its_time_to_start(tmp_path: Path) -> None:
    text = TARGET.replace("ready_timeout = 3", "ready_timeout = 600")
    script = "import os, pathlib, time; pathlib.Path('server.pid').write_text(str(os.getpid())); time.sleep(600)"
    (tmp_path / "hubfuzz.toml").write_text(text.format(start=json.dumps(["{python}", "-c", script])))
    with Running("run", "--seconds", "1", cwd=tmp_path) as run:
        run.until(lambda: (tmp_path / "server.pid").exists() and (tmp_path / "server.pid").read_text())
        assert run.interrupt() == 130
        assert run.text().splitlines()[-1] == "hubfuzz: interrupted"
    assert not psutil.pid_exists(int((tmp_path / "server.pid").read_text()))


def test_what_a_server_said_that_did_not_start_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "hubfuzz.toml").write_text(OPEN_TARGET.format(start='["{python}", "-m", "no_such_hub"]'))
    assert refusal("run", cwd=tmp_path).count("No module named no_such_hub") == 1
