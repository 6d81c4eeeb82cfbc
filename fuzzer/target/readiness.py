"""Waiting until a started server answers, without leaving a trace in it where that can be avoided."""

from __future__ import annotations

import subprocess

import trio

from fuzzer.target.endpoint import address
from fuzzer.target.http import NoAnswer, get
from fuzzer.target.model import Target
from fuzzer.target.sockets import LISTEN, held
from fuzzer.target.template import fill
from fuzzer.target.tree import ProcessTree

STEP = 0.02
KNOCK_AFTER = 2.0
CONNECT_TIMEOUT = 2.0


async def until_ready(target: Target, port: int | None, process: subprocess.Popen[bytes]) -> str | None:
    """None when it answers; else what is wrong, as the end of a sentence that begins "the server"."""
    began = trio.current_time()
    with trio.move_on_after(target.ready_timeout):
        while process.poll() is None:
            may_knock = trio.current_time() - began > KNOCK_AFTER
            if await _is_ready(target, port, process.pid, may_knock) and process.poll() is None:
                return None
            await trio.sleep(STEP)
    if process.poll() is not None:
        return f"ended with status {process.returncode} before it answered"
    what = f"GET {_ready_url(target, port)} gave no 2xx" if target.ready else f"nothing listens on port {port}"
    return f"was not ready within {target.ready_timeout:g} s ({what})"


def _ready_url(target: Target, port: int | None) -> str:
    return fill(target.ready or "", port=str(port))


async def _is_ready(target: Target, port: int | None, pid: int, may_knock: bool) -> bool:
    if target.ready is not None:
        return await _gives_2xx(_ready_url(target, port)) and (may_knock or _is_ours(target, port, pid))
    # Connecting is for servers whose sockets cannot be seen (containers), once seeing has had its chance.
    return listens(pid, port) or (may_knock and await answers(*address(target.url, port)))


async def _gives_2xx(url: str) -> bool:
    try:
        return 200 <= (await get(url)).status < 300
    except NoAnswer:
        return False


def _is_ours(target: Target, port: int | None, pid: int) -> bool:
    """A port that we chose may have been taken by a stranger since: its answer is not our server's."""
    return "{port}" not in target.url or listens(pid, port)


def listens(pid: int, port: int | None) -> bool:
    """A process of the tree listens there.

    Looked up in the kernel's tables, because some servers log a stack trace for a connection that only comes and
    goes, and that would be taken for an error of theirs; and because whoever else has that port is not our server.
    """
    return held(ProcessTree(pid).members, LISTEN, port) > 0


async def answers(host: str, port: int) -> bool:
    """Somebody accepts TCP connections there."""
    with trio.move_on_after(CONNECT_TIMEOUT):
        try:
            await (await trio.open_tcp_stream(host, port)).aclose()
        except OSError:
            return False
        return True
    return False
