"""A small hub on raw sockets that writes down what arrives, in the order in which it arrives and as it was cut.

One thread for each connection and nothing of hubfuzz's own reading in between: what the log holds was on the wire.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trio
from hostile import PATIENCE, Peer, close, frame
from msgspec.structs import replace

from fuzzer.driver import frames
from fuzzer.driver.session import open_session
from fuzzer.history import History
from fuzzer.plan import Plan
from fuzzer.policy import Policy
from fuzzer.target.config import JsonProtocol, Match
from fuzzer.target.model import Target

PROTOCOL = JsonProtocol(
    publish='{"type":"publish","id":"{id}","body":"{body}"}',
    deliver=Match(match={"type": "message"}, id="id", body="body"),
    welcome=Match(match={"type": "welcome"}, user="user"),
    query='{"type":"who"}',
    present=Match(match={"type": "present"}, users="users"),
)
POLICY = Policy(echo="always", join_evidence="welcome", deadline=1.0, t_release=0.5, t_detect=0.5, max_size=4_000)
DATA_SEGS_IN = 152  # where ``struct tcp_info`` has the number of segments with data that came in


def data_segments(sock: socket.socket) -> int:
    """How many TCP segments with data have come in."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("=I", info, DATA_SEGS_IN)[0])


class Tab(Peer):
    """The hub's end of one connection; ``chunks`` are the reads, ``segments`` the TCP segments with data so far."""

    user = ""

    def __init__(self, sock: socket.socket, number: int) -> None:
        super().__init__(sock)
        self.number = number
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.chunks: list[bytes] = []

    def _more(self, count: int = 65_536) -> None:
        before = len(self.unread)
        super()._more(count)
        self.chunks.append(self.unread[before:])

    @property
    def segments(self) -> int:
        return data_segments(self.sock)


class RecordingHub:
    """``log`` has ``(what, number of the connection, ...)``: ``request``, ``frame``, ``end``.

    ``least``: shorter bodies are passed on to nobody.
    """

    def __init__(
        self, *, answers_close: bool = True, others: tuple[str, ...] = (), pushes: bool = False, least: int = 0
    ) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.tabs: list[Tab] = []
        self._answers_close = answers_close
        self._others = others
        self._pushes = pushes
        self._least = least
        self._members: list[Tab] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        self.port = self._listener.getsockname()[1]

    @property
    def target(self) -> Target:
        return Target("recording hub", f"ws://127.0.0.1:{self.port}/?user={{user}}", PROTOCOL, policy=POLICY)

    def of(self, user: str, what: str = "frame") -> list[tuple[Any, ...]]:
        """Entries of the log that concern a user (by the end of the name)."""
        mine = {tab.number for tab in self.tabs if tab.user.endswith(user)}
        return [entry for entry in self.log if entry[0] == what and entry[1] in mine]

    def place(self, what: str, number: int, text: str = "") -> int:
        """Where in the log the first such entry stands."""
        return next(i for i, e in enumerate(self.log) if e[:2] == (what, number) and text in str(e[2:]))

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for tab in self.tabs:
            with contextlib.suppress(OSError):
                tab.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.tabs.append(Tab(sock, len(self.tabs)))
            thread = threading.Thread(target=self._serve, args=(self.tabs[-1],), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, tab: Tab) -> None:
        with tab.sock, contextlib.suppress(OSError, EOFError):
            while b"\r\n\r\n" not in tab.unread:
                tab._more()
            tab.user = parse_qs(urlsplit(tab.unread.split(b" ")[1].decode()).query)["user"][0]
            self.log.append(("request", tab.number))
            self._talk(tab)
        self._leave(tab)

    def _talk(self, tab: Tab) -> None:
        tab.upgrade()
        self._members.append(tab)
        self._tell([tab], {"type": "welcome", "user": tab.user})
        if self._pushes:
            self._tell(self._members, {"type": "present", "users": self._present()})
        try:
            self._listen(tab)
        except (EOFError, ConnectionResetError, BrokenPipeError) as error:
            self.log.append(("end", tab.number, "fin" if isinstance(error, EOFError) else "reset"))

    def _listen(self, tab: Tab) -> None:
        text = b""
        while True:
            first, payload = tab.read_frame()
            self.log.append(("frame", tab.number, first, payload, tab.segments))
            text = self._handle(tab, first, payload, text)

    def _handle(self, tab: Tab, first: int, payload: bytes, text: bytes) -> bytes:
        opcode = first & 0xF
        if opcode == frames.PING:
            tab.send(frame(frames.PONG, payload))
        elif opcode == frames.CLOSE:
            self._leave(tab)
            if self._answers_close:
                tab.send(close(1000))
                tab.sock.shutdown(socket.SHUT_WR)  # RFC 6455, 7.1.1: the server first
        elif opcode in (frames.TEXT, frames.CONTINUATION):
            text += payload
            if first & 0x80:
                self._obey(tab, json.loads(text))
                text = b""
        return text

    def _obey(self, tab: Tab, command: dict[str, str]) -> None:
        if command.get("type") == "who":
            self._tell([tab], {"type": "present", "users": self._present()})
        elif command.get("type") == "publish" and len(command["body"]) >= self._least:
            mine = [other for other in list(self._members) if other.user == tab.user]
            self._tell(mine, {"type": "message", "id": command["id"], "body": command["body"]})

    def _present(self) -> list[str]:
        return sorted({tab.user for tab in self._members} | set(self._others))

    def _tell(self, tabs: list[Tab], content: dict[str, Any]) -> None:
        for tab in list(tabs):
            with contextlib.suppress(OSError), self._lock:
                tab.send(frame(frames.TEXT, json.dumps(content).encode()))

    def _leave(self, tab: Tab) -> None:
        with contextlib.suppress(ValueError):
            self._members.remove(tab)


@contextmanager
def recording(**options: Any) -> Iterator[RecordingHub]:
    """A recording hub that runs for as long as the block does."""
    hub = RecordingHub(**options)
    try:
        yield hub
    finally:
        hub.stop()


def record(plan: Plan, policy: Policy = POLICY, **options: Any) -> tuple[History, RecordingHub]:
    """What the driver wrote down of a plan, and what the hub did.

    A look at the port and the control pair have the first three connections.
    """

    async def main(hub: RecordingHub) -> History:
        async with open_session(replace(hub.target, policy=policy)) as session:
            return await session.execute(plan)

    with recording(**options) as hub:
        history = trio.run(main, hub)
    return history, hub
