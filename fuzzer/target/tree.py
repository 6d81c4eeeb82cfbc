"""A process and all that it started: seen, measured and ended as one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable

import psutil
import trio

from fuzzer.target.sockets import CLOSE_WAIT, held

GRACE = 2.0
STEP = 0.01


class ProcessTree:
    """The process group of ``root``, and descendants that have left the group."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._paused: list[psutil.Process] = []
        self._strays: set[psutil.Process] = set()

    def is_alive(self) -> bool:
        """Some process of the tree runs."""
        return any(_runs(process) for process in self.members())

    def members(self) -> list[psutil.Process]:
        """The root and its descendants, as far as they can still be seen."""
        try:
            root = psutil.Process(self._root)
            found = [root, *root.children(recursive=True)]
        except psutil.Error:
            found = []
        self._strays.update(found[1:])
        return found or [process for process in self._strays if _runs(process)]

    def stands_still(self) -> bool:
        """Is some process of it stopped (SIGSTOP), by whomever?"""
        known = {self._root, *(process.pid for process in self._strays)}
        return any(_is_stopped(pid) for pid in known)

    def resources(self) -> dict[str, int]:
        """Sums over the tree; processes that end meanwhile are left out."""
        total = {"fds": 0, "threads": 0, "rss": 0, "processes": 0}
        for process in self.members():
            with contextlib.suppress(psutil.Error), process.oneshot():
                seen = (process.num_fds(), process.num_threads(), process.memory_info().rss, 1)
                total = {name: total[name] + amount for name, amount in zip(total, seen, strict=True)}
        return total

    def close_wait(self) -> int:
        """TCP connections whose peer has ended and that the tree keeps open."""
        return held(self.members, CLOSE_WAIT)

    async def pause(self) -> None:
        """Stop everybody where they stand (SIGSTOP), until ``go_on``; a moment passes before they really do."""
        self._paused = self.members()
        self._signal_all(self._paused, signal.SIGSTOP)
        with trio.move_on_after(GRACE):
            while any(_still_runs(process) for process in self._paused):
                await trio.sleep(0.0005)

    def go_on(self) -> None:
        """Let everybody go on (SIGCONT). Synchronous and idempotent."""
        self._signal_all(self._paused, signal.SIGCONT)

    def _signal_all(self, members: Iterable[psutil.Process], kind: signal.Signals) -> None:
        self._signal_group(kind)
        for process in members:  # some may have left the group
            with contextlib.suppress(psutil.Error):
                process.send_signal(kind)

    async def end_gently(
        self, leader: subprocess.Popen[bytes], grace: float = GRACE, *, all_of_it: bool = False
    ) -> None:
        """Ask everybody to end and wait for the leader, or for ``all_of_it``, no longer than ``grace`` seconds."""
        self.members()  # who has left the group can be found only while its parent lives
        self._signal_group(signal.SIGTERM)
        for process in self._strays if all_of_it else ():  # told as well, since they are waited for
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if os.getpgid(process.pid) != self._root:
                    process.terminate()
        self._signal_group(signal.SIGCONT)  # a stopped process cannot obey
        with trio.move_on_after(grace):
            while leader.poll() is None or (all_of_it and self.is_alive()):
                await trio.sleep(STEP)

    def kill(self) -> None:
        """End everybody who is left."""
        self.members()
        self._signal_group(signal.SIGKILL)
        for process in self._strays:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _signal_group(self, kind: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._root, kind)


def _is_stopped(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return False


def _still_runs(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
