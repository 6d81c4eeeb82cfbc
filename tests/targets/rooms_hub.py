"""A hub of rooms on the threads of ``websockets.sync``: who has subscribed gets what subscribers publish there.

Each connection has the library's thread that reads, and one here that writes its outbox. One lock guards all rooms
and is held over no send. A connection for which more than ``BACKLOG`` waits is cut off. Run it with ``JWT_SECRET=...
python rooms_hub.py --port 8000``; the token comes in the query, the counts are at ``/stats``.
"""

from __future__ import annotations

import argparse
import contextlib
import http
import json
import queue
import signal
import socket
import threading
from urllib.parse import parse_qs, urlsplit

from hub_parts import read_object, texts, user_of
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

BACKLOG = 32 * 1024 * 1024
"""Characters that may wait for one connection."""
MAX_SIZE = 2 * 1024 * 1024
REASON = '{"type": "error", "reason": "expected publish, subscribe or unsubscribe, and publish only where subscribed"}'


class Peer:
    """One connection with its outbox; a thread of its own writes it."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.rooms: set[str] = set()
        self._outbox: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._size = 0
        self._counting = threading.Lock()

    def tell(self, text: str) -> None:
        """Let the text be written; whoever does not read for too long is cut off."""
        with self._counting:
            self._size += len(text)
            too_much = self._size > BACKLOG
        self._outbox.put(text)
        if too_much:
            self.cut_off()

    def cut_off(self) -> None:
        """Wake up every thread that waits for this peer's socket."""
        with contextlib.suppress(OSError):
            self.connection.socket.shutdown(socket.SHUT_RDWR)

    def write(self) -> None:
        """Write what waits until the end is told or the peer is gone."""
        with contextlib.suppress(ConnectionClosed, OSError):
            while (text := self._outbox.get()) is not None:
                with self._counting:
                    self._size -= len(text)
                self.connection.send(text)

    def end(self) -> None:
        """Nothing more will come."""
        self._outbox.put(None)


class Hub:
    """Who is in which room. Telling only fills outboxes, so it is done under the lock: one order for each room."""

    def __init__(self) -> None:
        self._peers: set[Peer] = set()
        self._rooms: dict[str, list[Peer]] = {}
        self._lock = threading.Lock()

    def enter(self, peer: Peer) -> None:
        """Count the connection."""
        with self._lock:
            self._peers.add(peer)

    def leave(self, peer: Peer) -> None:
        """Forget the connection everywhere."""
        with self._lock:
            self._peers.discard(peer)
            for room in tuple(peer.rooms):
                self._take_out(peer, room)

    def subscribe(self, peer: Peer, room: str) -> None:
        """Into the room, once; then say so."""
        with self._lock:
            if room not in peer.rooms:
                peer.rooms.add(room)
                self._rooms.setdefault(room, []).append(peer)
            peer.tell(json.dumps({"type": "subscribed", "room": room}))

    def unsubscribe(self, peer: Peer, room: str) -> None:
        """Out of the room, if in; then say so."""
        with self._lock:
            if room in peer.rooms:
                self._take_out(peer, room)
            peer.tell(json.dumps({"type": "unsubscribed", "room": room}))

    def publish(self, peer: Peer, message: dict[str, str]) -> bool:
        """To everybody in the room; False if the publisher is not in it."""
        text = json.dumps({"type": "message", **message})
        with self._lock:
            if message["room"] not in peer.rooms:
                return False
            for member in self._rooms[message["room"]]:
                member.tell(text)
        return True

    def _take_out(self, peer: Peer, room: str) -> None:
        peer.rooms.discard(room)
        members = self._rooms[room]
        members.remove(peer)
        if not members:
            del self._rooms[room]

    def counts(self) -> dict[str, int]:
        """How many connections and rooms there are."""
        with self._lock:
            return {"connections": len(self._peers), "rooms": len(self._rooms)}


hub = Hub()


def answer_or_admit(connection: ServerConnection, request: Request) -> Response | None:
    """The answer to a plain request or a bad token; None lets the handshake go on."""
    url = urlsplit(request.path)
    if url.path == "/stats":
        return connection.respond(http.HTTPStatus.OK, json.dumps(hub.counts()))
    if user_of(parse_qs(url.query).get("token", [""])[0]) is None:
        return connection.respond(http.HTTPStatus.UNAUTHORIZED, "no valid token\n")
    return None


def handle(connection: ServerConnection) -> None:
    """One connection from the end of its handshake to its own end."""
    peer = Peer(connection)
    writing = threading.Thread(target=peer.write, daemon=True)
    writing.start()
    hub.enter(peer)
    try:
        with contextlib.suppress(ConnectionClosed):
            for text in connection:
                _take(peer, text)
    finally:
        hub.leave(peer)
        peer.end()


def _take(peer: Peer, text: str | bytes) -> None:
    message = read_object(text)
    if found := texts(message, "subscribe", "room"):
        hub.subscribe(peer, found["room"])
    elif found := texts(message, "unsubscribe", "room"):
        hub.unsubscribe(peer, found["room"])
    elif not ((found := texts(message, "publish", "id", "body", "room")) and hub.publish(peer, found)):
        peer.tell(REASON)


def main(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    with serve(
        handle, "127.0.0.1", port, process_request=answer_or_admit, max_size=MAX_SIZE, compression=None
    ) as server:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        server.serve_forever()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    main(options.parse_args().port)
