"""The TCP sockets of some processes, by state, asked of the kernel.

``/proc/net/tcp``, which psutil reads, has a line for every connection of the last minute that is over (TIME_WAIT), and
fuzzing leaves twenty thousand of them: writing these lines alone takes Linux 40 ms, in which hubfuzz stands still.
Its sock_diag(7) tells those in one state alone. Where there is none (macOS, some containers), psutil must do.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator

import psutil

LISTEN, CLOSE_WAIT = 10, 8  # include/net/tcp_states.h
_STATUS = {LISTEN: psutil.CONN_LISTEN, CLOSE_WAIT: psutil.CONN_CLOSE_WAIT}
_SOCK_DIAG, _BY_FAMILY = 4, 20  # NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY
_ASK_FOR_ALL = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ERROR, _DONE = 2, 3
_HEAD = struct.Struct("=IHHII")  # struct nlmsghdr
_QUESTION = struct.Struct("=BBBxI48x")  # struct inet_diag_req_v2
_ANSWER = struct.Struct("=4x2s62xI")  # struct inet_diag_msg: the port and, at its end, the inode
_ROOM = 1 << 18
_LONGEST_WAIT = 2.0  # seconds

Processes = Callable[[], Iterable[psutil.Process]]


def held(processes: Processes, state: int, port: int | None = None) -> int:
    """How many sockets in this state they hold, with this local port if given. Nobody is asked who they are if there
    is none at all."""
    try:
        wanted = {inode for number, inode in _listed(state) if port in (None, number)}
    except OSError:
        return sum(_counted(process, state, port) for process in processes())
    return sum(len(wanted & _inodes(process.pid)) for process in processes()) if wanted else 0


def _listed(state: int) -> Iterator[tuple[int, int]]:
    """Local port and inode of every socket in this state. Raises ``OSError`` where the kernel does not say."""
    if not hasattr(socket, "AF_NETLINK"):
        raise OSError("no netlink here")
    for family in (socket.AF_INET, socket.AF_INET6):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(_LONGEST_WAIT)
            question = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 1 << state)
            kernel.send(_HEAD.pack(_HEAD.size + len(question), _BY_FAMILY, _ASK_FOR_ALL, 1, 0) + question)
            for kind, body in _answers(kernel):
                if kind == _ERROR:
                    raise OSError("sock_diag refuses")
                port, inode = _ANSWER.unpack_from(body)
                yield int.from_bytes(port, "big"), inode


def _answers(kernel: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each part, until the kernel says that it is done."""
    while True:
        data = kernel.recv(_ROOM)
        while data:
            length, kind, *_ = _HEAD.unpack_from(data)
            if kind == _DONE:
                return
            yield kind, data[_HEAD.size : length]
            data = data[(length + 3) & ~3 :]


def _inodes(pid: int) -> set[int]:
    """Of all sockets that a process has open; none of one that is gone, or not ours to look at."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile
                kind, _, number = os.readlink(f"/proc/{pid}/fd/{name}").partition(":")
                if kind == "socket":
                    found.add(int(number[1:-1]))
    return found


def _counted(process: psutil.Process, state: int, port: int | None) -> int:
    try:
        sockets = process.net_connections(kind="tcp")
    except psutil.Error:
        return 0
    mine = (s for s in sockets if s.status == _STATUS[state] and s.laddr)
    return sum(port in (None, s.laddr.port) for s in mine)
