"""The hub: its pieces wired together. A seeded bug is this hub with one piece replaced."""

from __future__ import annotations

import socket
import sys

import msgspec
import trio

from fuzzer.hub.admission import Admission
from fuzzer.hub.authenticator import Authenticator
from fuzzer.hub.broadcaster import Broadcaster
from fuzzer.hub.commands import Commands
from fuzzer.hub.expiry import Expiry
from fuzzer.hub.heartbeat import Heartbeat
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.lifecycle import Lifecycle
from fuzzer.hub.peer import Peer
from fuzzer.hub.presence import Presence
from fuzzer.hub.registry import Registry
from fuzzer.hub.sessions import Sessions
from fuzzer.hub.shutdown import Shutdown
from fuzzer.hub.stream import Wire


class Pieces(msgspec.Struct, frozen=True):
    """The classes that a hub is made of."""

    registry: type[Registry] = Registry
    admission: type[Admission] = Admission
    sessions: type[Sessions] = Sessions
    authenticator: type[Authenticator] = Authenticator
    broadcaster: type[Broadcaster] = Broadcaster
    commands: type[Commands] = Commands
    lifecycle: type[Lifecycle] = Lifecycle
    heartbeat: type[Heartbeat] = Heartbeat
    presence: type[Presence] = Presence
    expiry: type[Expiry] = Expiry
    shutdown: type[Shutdown] = Shutdown
    peer: type[Peer] = Peer
    wire: type[Wire] = Wire


class Hub:
    """Everything that is shared between connections. ``nursery`` outlives all of them."""

    def __init__(self, knobs: Knobs, secret: str, nursery: trio.Nursery, pieces: Pieces | None = None) -> None:
        self.knobs = knobs
        self.nursery = nursery
        self.pieces = pieces or Pieces()
        self.peers: set[Peer] = set()
        self.registry = self.pieces.registry()
        self.admission = self.pieces.admission(knobs)
        self.sessions = self.pieces.sessions()
        self.authenticator = self.pieces.authenticator(secret, knobs)
        self.broadcaster = self.pieces.broadcaster(self.registry)
        self.commands = self.pieces.commands(self)
        self.lifecycle = self.pieces.lifecycle(self)
        self.heartbeat = self.pieces.heartbeat(self)
        self.presence = self.pieces.presence(knobs.grace)
        self.expiry = self.pieces.expiry()
        self.shutdown = self.pieces.shutdown(self)

    def start(self) -> None:
        """Start the tasks that look after all connections."""
        self.nursery.start_soon(self.heartbeat.run)
        self.nursery.start_soon(self.expiry.run)

    def stats(self) -> dict[str, int]:
        """The hub's own counts, all 0 when nobody is there."""
        return {
            "connections": len(self.registry),
            "users": len(self.registry.users),
            "rooms": len(self.registry.rooms),
            "slots": len(self.admission),
            "sessions": len(self.sessions.current),
            "present": len(self.presence.there),
            "outbox": sum(peer.wire.waiting for peer in self.peers),
        }

    async def serve(self, sock: socket.socket) -> None:
        """The whole life of one accepted connection. Nothing that happens to it leaves this function."""
        wire = self.pieces.wire(sock, self.nursery, self.knobs.backlog)
        peer = self.pieces.peer(self, wire)
        self.peers.add(peer)
        try:
            await peer.run()
        except Exception as error:
            print(f"hub error: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            wire.close()
            self.peers.discard(peer)
            await self.lifecycle.ended(peer)

    def close_all(self, code: int, reason: str) -> None:
        """Tell everybody that it is over."""
        for peer in tuple(self.peers):
            peer.close(code, reason)
