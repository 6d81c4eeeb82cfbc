"""The command line as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

HUBFUZZ = (sys.executable, "-c", "from fuzzer.cli import main; main()")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
PATIENCE = 60.0

TARGET = """
[target]
name = "t"
url = "ws://127.0.0.1:{{port}}/ws"
start = {start}
ready_timeout = 3
[auth]
kind = "jwt"
secret = "a secret of at least thirty-two bytes"
[protocol]
publish = '{{"type": "publish", "id": "{{id}}", "body": "{{body}}"}}'
deliver = {{match = {{type = "message"}}, id = "id", body = "body"}}
"""
OPEN_TARGET = TARGET.partition("[auth]")[0].replace("/ws", "/ws?user={{user}}") + (
    '[auth]\nkind = "none"\n[protocol]' + TARGET.partition("[protocol]")[2]
)
BAD_SERVER = Path(__file__).with_name("bad_server.py")


def target_file(folder: Path, *how: str, text: str = TARGET) -> None:
    """A target whose server is bad in this way."""
    (folder / "hubfuzz.toml").write_text(text.format(start=json.dumps(["{python}", str(BAD_SERVER), "{port}", *how])))


def hubfuzz(*arguments: str, cwd: Path, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    command = [*HUBFUZZ, *arguments]
    return subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=timeout, check=False
    )


def refusal(*arguments: str, cwd: Path) -> str:
    """The one line on standard error of a run that could not do its job."""
    done = hubfuzz(*arguments, cwd=cwd)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("hubfuzz: ")
    return lines[0]


class Running:
    """hubfuzz while it runs, to be interrupted."""

    def __init__(self, *arguments: str, cwd: Path, first: str = "") -> None:
        """``first``: a program to run in the process before the command."""
        self.out = (cwd / "out.txt").open("w+")
        python, option, main = HUBFUZZ
        words = [python, option, f"{first}\n{main}", *arguments]
        self.process = subprocess.Popen(words, cwd=cwd, env=ENVIRONMENT, stdout=self.out, stderr=subprocess.STDOUT)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.out.close()

    def until(self, what: Callable[[], object]) -> None:
        """Wait until this is so; fails if hubfuzz ends before, or never."""
        give_up = time.monotonic() + PATIENCE
        while not what():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < give_up, self.text()
            time.sleep(0.02)

    def interrupt(self, *, again: bool = False) -> int:
        """Ctrl-C, or two of them; the exit code."""
        self.process.send_signal(signal.SIGINT)
        if again:
            time.sleep(0.05)  # two signals at once would be one
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=PATIENCE)

    def servers(self) -> list[psutil.Process]:
        """The processes that it has started, and theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def text(self) -> str:
        """What it has printed."""
        return (Path(self.out.name)).read_text()
