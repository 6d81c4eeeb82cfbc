"""A tree of processes is ended as one, whoever of it ends first."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from fuzzer.target.tree import ProcessTree

SLOW_TO_END = """
import pathlib, signal, sys, time
def end(*_):
    time.sleep(0.3)
    pathlib.Path(sys.argv[1]).with_suffix(".ended").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1]).touch()
time.sleep(30)
"""


@pytest.mark.parametrize("all_of_it", [True, False])
def test_a_server_behind_a_wrapper_gets_its_time_to_end_if_all_are_waited_for(tmp_path: Path, all_of_it: bool) -> None:
    ready = tmp_path / "server.ready"
    inner = shlex.join([sys.executable, "-c", SLOW_TO_END, str(ready)])
    wrapper = subprocess.Popen(["sh", "-c", f"{inner}; true"], start_new_session=True)
    tree = ProcessTree(wrapper.pid)

    async def run() -> None:
        with trio.fail_after(20):
            while not ready.exists():
                await trio.sleep(0.01)
        await tree.end_gently(wrapper, 10.0, all_of_it=all_of_it)

    try:
        trio.run(run)
    finally:
        tree.kill()
        wrapper.wait()
    assert ready.with_suffix(".ended").exists() == all_of_it
