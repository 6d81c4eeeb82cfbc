"""Ends a started server when hubfuzz is gone without having ended it (SIGKILL, out of memory, power cut of a shell).

hubfuzz holds the only writing end of a pipe to this small process. The kernel closes it however hubfuzz ends; nothing
else is as dependable: ``atexit`` and signal handlers do not run after SIGKILL, PR_SET_PDEATHSIG is Linux only and
reaches neither grandchildren nor the death of a thread's process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

GRACE = 1.0
_THIS_FILE = __file__


class Watchdog:
    """The side of hubfuzz. Start it before the server: then there is no instant without a guard."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", _THIS_FILE],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
        )
        self.pid = self._process.pid

    def guard(self, group: int) -> None:
        """End this process group when hubfuzz is gone."""
        self._tell(f"+{group}\n")

    def release(self, group: int) -> None:
        """Forget a process group that has ended."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the watchdog itself; what it still guards is ended too."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def _watch() -> None:
    """The side of the watchdog: read until hubfuzz is gone, then end what is left."""
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(kind, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    _send(groups, signal.SIGTERM)
    _send(groups, signal.SIGCONT)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(_send({group}, 0) for group in groups):
        time.sleep(0.02)
    _send(groups, signal.SIGKILL)


def _send(groups: set[int], kind: int) -> bool:
    """Signal the groups; True if one of them exists."""
    reached = False
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, kind)
            reached = True
    return reached


if __name__ == "__main__":
    _watch()
