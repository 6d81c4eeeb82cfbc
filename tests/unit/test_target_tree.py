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


HELPER_OF_ITS_OWN = """
import pathlib, subprocess, sys, time
helper = subprocess.Popen(["sleep", "30"], start_new_session=True)
pathlib.Path(sys.argv[1]).write_text(str(helper.pid))
time.sleep(60)
"""


def test_a_helper_in_a_session_of_its_own_is_told_to_end_since_it_is_waited_for(tmp_path: Path) -> None:
    told = tmp_path / "helper.pid"
    leader = subprocess.Popen([sys.executable, "-c", HELPER_OF_ITS_OWN, str(told)], start_new_session=True)
    tree = ProcessTree(leader.pid)

    async def run() -> None:
        with trio.fail_after(20):
            while not told.exists() or not told.read_text():
                await trio.sleep(0.01)
        with trio.fail_after(15):  # the helper sleeps for longer
            await tree.end_gently(leader, 25.0, all_of_it=True)

    try:
        trio.run(run)
        assert not tree.is_alive()
    finally:
        tree.kill()
        leader.wait()


SHORT_HELPER = """
import pathlib, subprocess, sys, time
helper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
told = pathlib.Path(sys.argv[1])
told.touch()
while not told.with_suffix(".seen").exists():
    time.sleep(0.01)
helper.communicate(b"\\n")
told.with_suffix(".reaped").touch()
time.sleep(60)
"""


def test_a_helper_that_has_ended_and_was_seen_before_is_no_trouble(tmp_path: Path) -> None:
    told = tmp_path / "helper.there"
    leader = subprocess.Popen([sys.executable, "-c", SHORT_HELPER, str(told)], start_new_session=True)
    tree = ProcessTree(leader.pid)

    async def until(path: Path) -> None:
        with trio.fail_after(20):
            while not path.exists():
                await trio.sleep(0.01)

    async def run() -> None:
        await until(told)
        assert len(tree.members()) == 2
        told.with_suffix(".seen").touch()
        await until(told.with_suffix(".reaped"))
        await tree.end_gently(leader, 10.0, all_of_it=True)

    try:
        trio.run(run)
        assert not tree.is_alive()
    finally:
        tree.kill()
        leader.wait()
