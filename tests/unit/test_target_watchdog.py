"""When hubfuzz is killed and can end nothing itself, its servers end all the same."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from fuzzer.target.watchdog import Watchdog

ROOT = Path(__file__).parents[2]

HUBFUZZ_LIKE = """
import sys, trio
from fuzzer.target import Target
from fuzzer.target.config import JsonProtocol, Match
from fuzzer.target.process import serve

CODE = '''
import signal, socket, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(600)
'''

async def main():
    target = Target(name="x", url="ws://127.0.0.1:{port}/", start=("{python}", "-c", CODE, "{port}"),
                    protocol=JsonProtocol(publish="", deliver=Match()))
    async with serve(target) as server:
        print(server.pid, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


def wait_until_gone(pid: int) -> bool:
    """Within 20 seconds; a zombie is gone."""
    for _ in range(1000):
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                continue
        return True
    return False


def test_a_server_does_not_survive_the_death_of_hubfuzz() -> None:
    command = [sys.executable, "-c", HUBFUZZ_LIKE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as hubfuzz_like:
        assert hubfuzz_like.stdout is not None
        server = int(hubfuzz_like.stdout.readline())
        tree = [server, *(child.pid for child in psutil.Process(server).children(recursive=True))]
        helpers = [child.pid for child in psutil.Process(hubfuzz_like.pid).children(recursive=True)]
        assert len(tree) == 2
        assert len(helpers) == 3  # the tree and the watchdog
        hubfuzz_like.send_signal(signal.SIGKILL)
        assert [wait_until_gone(pid) for pid in {*tree, *helpers}] == [True, True, True]


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)


def test_what_is_released_is_left_alone_and_what_is_guarded_is_ended() -> None:
    with sleeper() as guarded, sleeper() as released:
        watchdog = Watchdog()
        watchdog.guard(guarded.pid)
        watchdog.guard(released.pid)
        watchdog.release(released.pid)
        watchdog.close()
        assert guarded.wait(10) == -signal.SIGTERM
        assert released.poll() is None
        released.kill()


def test_a_watchdog_that_was_killed_troubles_nobody() -> None:
    watchdog = Watchdog()
    os.kill(watchdog.pid, signal.SIGKILL)
    assert wait_until_gone(watchdog.pid)
    watchdog.guard(2**22 + 1)
    watchdog.release(2**22 + 1)
    watchdog.close()


def test_ctrl_c_does_not_reach_the_watchdog() -> None:
    with sleeper() as guarded:
        watchdog = Watchdog()
        watchdog.guard(guarded.pid)
        assert os.getpgid(watchdog.pid) != os.getpgid(0)
        watchdog.close()
        assert guarded.wait(10) == -signal.SIGTERM
