"""A slow wire: a process that starts a server and puts itself before it, delaying all that passes.

``python slow_wire.py --port 8000 -- python hub.py --port @port@``. Whatever is read on one side is written on the
other ``DELAY`` seconds later, give or take ``JITTER``, in order within a connection (and in none between two); in steps
of ``GRAIN``, so that not every frame wakes up three processes. Ends pass as they came: a FIN as FIN behind the data
before it, one way at a time; a reset as reset, which overtakes what the other side had no room for, as it does where
the sender's kernel throws its buffer away. Not more than ``ROOM`` bytes a way are taken on; then the sender must wait,
as before a full window. It listens when the server does, so that a server that finds its port taken is seen to fail.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import deque

import psutil

DELAY = 0.05
JITTER = 0.02
GRAIN = 0.004
ROOM = 512 * 1024
CHUNK = 65536
LOOK_AFTER_SERVER = 0.1
LOOK_WHETHER_IT_LISTENS = 0.02
HOST = "127.0.0.1"
ENDED = select.EPOLLERR | select.EPOLLHUP
NO_LINGER = struct.pack("ii", 1, 0)


class End:
    """One of the two sockets of a link; ``waiting`` is what will be written to it."""

    def __init__(self, wire: Wire, sock: socket.socket) -> None:
        self.wire = wire
        self.sock = sock
        self.fd = sock.fileno()
        self.other: End = self
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.size = 0
        self.last_due = 0.0
        self.fin_due = float("inf")
        self.reset_due = float("inf")
        self.read_over = False
        self.fin_sent = False
        self.blocked = False
        self.closed = False
        self._listening = 0
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.epoll.register(self.fd, 0)
        wire.ends[self.fd] = self

    @property
    def over(self) -> bool:
        """In both ways; only the other end may still have something to write."""
        return self.read_over and self.fin_sent

    # in
    def read(self, *, to_the_end: bool) -> None:
        """Take on what has come, within the room there is; all of it if the connection has ended."""
        try:
            while not self.read_over and (to_the_end or self.other.size < ROOM):
                data = self.sock.recv(CHUNK)
                if not data:
                    self.read_over = True
                    self.other.fin_due = self.other.due()
                    return
                self.other.put(data)
                if len(data) < CHUNK and not to_the_end:
                    return  # what is left, if any, is told again
        except BlockingIOError:
            return
        except OSError:
            self.was_reset()

    def was_reset(self) -> None:
        """The peer of this end is gone: so will be, a delay later, the other."""
        self.other.reset_due = min(self.other.reset_due, self.other.due())
        self.close()

    # out
    def due(self) -> float:
        """When what is read now comes out here; never before what was read earlier."""
        due = time.monotonic() + DELAY + self.wire.random.uniform(-JITTER, JITTER)
        self.last_due = max(self.last_due, (due // GRAIN + 1) * GRAIN)
        self.wire.wake_at(self.last_due, self)
        return self.last_due

    def put(self, data: bytes) -> None:
        """Write this later."""
        if not self.closed:
            self.waiting.append((self.due(), data))
            self.size += len(data)

    def go_on(self) -> None:
        """Write what is due, then end in the way that is due."""
        now = time.monotonic()
        if self.closed:
            return
        if self.reset_due <= now:
            self.reset()
        elif self._write(now) and self.fin_due <= now and not self.fin_sent:
            self.fin_sent = True
            self._shut()

    def _write(self, now: float) -> bool:
        """True if nothing is left."""
        self.blocked = False
        try:
            while self.waiting and self.waiting[0][0] <= now:
                due, data = self.waiting.popleft()
                sent = self._send(data)
                self.size -= sent
                if sent < len(data):
                    self.waiting.appendleft((due, data[sent:]))
                    self.blocked = True
                    return False
        except OSError:
            self.was_reset()
            return False
        return not self.waiting

    def _send(self, data: bytes) -> int:
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0

    def _shut(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.was_reset()
        if self.other.fin_sent:
            self.close()
            self.other.close()

    # the end
    def reset(self) -> None:
        """Throw away what waits and tell the peer so."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.close()

    def close(self) -> None:
        """Once."""
        if not self.closed:
            self.closed = True
            self.waiting.clear()
            self.size = 0
            del self.wire.ends[self.fd]
            self.sock.close()

    def listen(self) -> None:
        """Say what is worth waking up for. An end that is over in both ways would report that without end."""
        if self.closed:
            return
        wanted = 0
        if not self.read_over and self.other.size < ROOM:
            wanted |= select.EPOLLIN
        if self.blocked:
            wanted |= select.EPOLLOUT
        if self.over:
            wanted |= select.EPOLLONESHOT
        if wanted != self._listening or self.over:
            self._listening = wanted
            self.wire.epoll.modify(self.fd, wanted)


class Wire:
    """All links between a listener and the server behind it, in one loop."""

    def __init__(self, listener: socket.socket, port: int) -> None:
        self.random = random.Random()
        self.epoll = select.epoll()
        self.ends: dict[int, End] = {}
        self._listener = listener
        self._port = port
        self._alarms: list[tuple[float, int, End]] = []
        self._numbers = itertools.count()
        listener.setblocking(False)
        self.epoll.register(listener.fileno(), select.EPOLLIN)

    def wake_at(self, due: float, end: End) -> None:
        """Let an end go on at that time."""
        heapq.heappush(self._alarms, (due, next(self._numbers), end))

    def turn_until(self, end: float) -> None:
        """Turn after turn."""
        while (left := end - time.monotonic()) > 0:
            self.turn(left)

    def turn(self, longest: float) -> None:
        """Wait for something to happen, but not longer, and deal with it."""
        patience = min(self._alarms[0][0] - time.monotonic(), longest) if self._alarms else longest
        touched = [self._happened(fd, mask) for fd, mask in self.epoll.poll(max(patience, 0))]
        while self._alarms and self._alarms[0][0] <= time.monotonic():
            end = heapq.heappop(self._alarms)[2]
            end.go_on()
            touched.append(end)
        for end in touched:
            if end is not None:
                end.listen()
                end.other.listen()

    def _happened(self, fd: int, mask: int) -> End | None:
        if fd == self._listener.fileno():
            self._accept()
            return None
        end = self.ends.get(fd)
        if end is None:
            return None
        told = end.over  # once more would be told for ever
        if mask & (select.EPOLLIN | ENDED):
            end.read(to_the_end=bool(mask & ENDED))
        if mask & select.EPOLLERR and not end.closed:
            end.was_reset()
        if mask & select.EPOLLOUT:
            end.go_on()
        return None if told else end

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:
                continue
            self._link(sock)

    def _link(self, sock: socket.socket) -> None:
        onward = socket.socket()
        near, far = End(self, sock), End(self, onward)
        near.other, far.other = far, near
        try:
            onward.connect((HOST, self._port))
        except BlockingIOError:
            pass
        except OSError:
            far.was_reset()
        near.listen()
        far.listen()


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def listens(pid: int, port: int) -> bool:
    """It does there, or a process that it started. A stranger may have the port by now: that somebody listens is not
    enough."""
    try:
        root = psutil.Process(pid)
        sockets = [each for one in (root, *root.children(recursive=True)) for each in one.net_connections("tcp")]
    except psutil.Error:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr[1] == port for each in sockets)


def main() -> int:
    """Start the server, pass everything on until it ends or a signal comes; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("command", nargs="+", help="the server; @port@ in it is replaced")
    options = parser.parse_args()
    port = free_port()
    server = subprocess.Popen([word.replace("@port@", str(port)) for word in options.command])
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    while server.poll() is None and not listens(server.pid, port):
        time.sleep(LOOK_WHETHER_IT_LISTENS)
    with socket.create_server((HOST, options.port), backlog=1024) as listener:
        wire = Wire(listener, port)
        while server.poll() is None:
            wire.turn_until(time.monotonic() + LOOK_AFTER_SERVER)
    return abs(server.returncode)


if __name__ == "__main__":
    sys.exit(main())
