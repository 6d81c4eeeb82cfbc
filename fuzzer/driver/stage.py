"""The stage of one plan: its connections and their events, turned into history as they come.

The stage is the ``Sink`` of every connection: it writes down, keeps what the driver must know to go on, and wakes
whoever waits. Sections 2.0 (contract of the driver) of the specification is kept here: see ``fuzzer.history``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import trio

from fuzzer.driver.actor import Actor
from fuzzer.driver.cast import Cast
from fuzzer.driver.frame_text import LONGEST_FRAME_KEPT
from fuzzer.driver.incoming import Incoming
from fuzzer.driver.recorder import Recorder
from fuzzer.driver.requests import has_unanswered
from fuzzer.history import (
    CloseOk,
    OpenOk,
    OpenRej,
    Pong,
    RejectedBy,
    SendOk,
    SrvBad,
    SrvClose,
    SrvEof,
    SrvRst,
    TcpClosed,
)
from fuzzer.policy import Policy
from fuzzer.target.protocol import Codec

Pair = tuple[str, str]


class Stage:
    """Everything that one execution shares. ``hurry`` below 1 has scaled the policy's times, and scales our own."""

    def __init__(self, cast: Cast, codec: Codec, policy: Policy, control_mark: str, hurry: float = 1.0) -> None:
        self.record = Recorder()
        self.cast = cast
        self.codec = codec
        self.policy = policy
        self.hurry = hurry
        self.actors: dict[str, Actor] = {}
        self.awaited: set[Pair] = set()
        self.delivered: set[Pair] = set()
        self._incoming = Incoming(self, control_mark)
        self._group_of: dict[str, str] = {}
        self._refused: set[str] = set()
        self._audiences: dict[str, tuple[str, frozenset[str]]] = {}
        self._given_up: set[Pair] = set()
        self._pings: dict[bytes, float] = {}
        self.stood_still = 0.0  # seconds for which we had stopped the server
        self._lot = trio.lowlevel.ParkingLot()

    # ---- waiting -------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something happened: let every waiter look again."""
        self._lot.unpark_all()

    async def until(self, reached: Callable[[], bool], timeout: float) -> bool:
        """Wait, at most ``timeout`` seconds, until ``reached()``; True if it was."""
        if reached():  # most waits are over before they begin
            return True
        with trio.move_on_after(timeout):
            while not reached():
                await self._lot.park()
        return reached()

    # ---- who is there --------------------------------------------------------------------------------------------

    def user_group(self, user: str) -> str:
        """The group that a connection of ``user`` belongs to by itself."""
        return "all" if self.policy.group == "all" else f"user:{user}"

    def group_of(self, actor: Actor, room: str | None) -> str:
        """Where a message of ``actor`` goes."""
        return self.user_group(actor.user) if room is None else f"room:{room}"

    def members(self, group: str) -> list[Actor]:
        """The connections that a fence in ``group`` may wait for."""
        return [a for a in self.actors.values() if a.dependable and group in a.groups]

    def live(self) -> list[Actor]:
        """Connections that are open and that nobody is ending."""
        return [a for a in self.actors.values() if a.live]

    def published(self, msg: str, sender: Actor, group: str) -> None:
        """Remember who was a member when ``msg`` was sent."""
        self._audiences[msg] = (sender.name, frozenset(a.name for a in self.members(group) if a.member))
        self._group_of[msg] = group

    def split_messages(self) -> bool:
        """Has some message of a sender that is gone reached one member and not (yet) another?

        A hole, that is a later message of the same sender already there, needs no waiting: it is a loss for good.
        """
        gone = [(m, s, who) for m, (s, who) in self._audiences.items() if not self.actors[s].live]
        return any(self._split(msg, sender, audience) for msg, sender, audience in gone)

    def _split(self, msg: str, sender: str, audience: frozenset[str]) -> bool:
        got = {c for c in self.actors if (msg, c) in self.delivered}
        later = [m for m, (s, _) in self._audiences.items() if s == sender]
        later = later[later.index(msg) + 1 :]
        group = self._group_of[msg]
        stayed = [c for c in audience - got if self.actors[c].dependable and group in self.actors[c].groups]
        missing = [c for c in stayed if c != sender]
        return bool(got) and any(not any((m, c) in self.delivered for m in later) for c in missing)

    def overtaken(self) -> set[Pair]:
        """(message, member) where a later message of that sender in that group was read, and this one not (yet)."""
        members = [name for name, actor in self.actors.items() if actor.dependable]
        return {pair for name in members for pair in self._passed_over(name)} - self._given_up

    def give_up_on_overtaken(self) -> None:
        """What was waited for once is lost, or was sent before the member had joined: no fence waits for it again."""
        self._given_up |= self.overtaken()

    def _passed_over(self, conn: str) -> Iterator[Pair]:
        newer: set[Pair] = set()
        for msg, (sender, audience) in reversed(self._audiences.items()):
            if conn not in audience:
                continue
            stream = (sender, self._group_of[msg])
            if (msg, conn) in self.delivered:
                newer.add(stream)
            elif stream in newer and stream[1] in self.actors[conn].groups:
                yield msg, conn

    def expect_pong(self, payload: bytes) -> None:
        """Remember when this ping was sent."""
        self._pings[payload] = self.record.now()

    # ---- Sink: what connections tell -----------------------------------------------------------------------------

    def opened(self, conn: str) -> None:
        """The 101 was read. Where the token is the first message, the opening is decided once that is sent."""
        actor = self.actors[conn]
        actor.opened = True
        actor.decided = actor.decided or actor.first_message is None
        self.record(OpenOk, conn)
        if not actor.impostor:
            actor.groups.add(self.user_group(actor.user))
        self.wake()

    def rejected(self, conn: str, by: RejectedBy, code: int | None, reason: str) -> None:
        """The handshake ended without a 101."""
        actor = self.actors[conn]
        actor.decided = actor.gone = True
        actor.held = False
        self.record(OpenRej, conn, by, code, reason)
        self.wake()

    def frame(self, conn: str, data: str | bytes) -> None:
        """One whole data message."""
        self._incoming.frame(conn, data)
        self.wake()

    def pong(self, conn: str, payload: bytes) -> None:
        """The answer to one of our pings."""
        since = self._pings.pop(payload, None)
        if since is not None:
            self.record(Pong, conn, round(since, 6))
        self.wake()

    def flushed(self, conn: str) -> None:
        """The kernel took the last byte of what was released."""
        actor = self.actors[conn]
        for msg in actor.unflushed:
            self.record(SendOk, msg)
        actor.unflushed.clear()
        self.wake()

    def server_closed(self, conn: str, code: int, reason: str) -> None:
        """A real Close frame of the server."""
        self.actors[conn].server_closed = self.actors[conn].server_ended = True
        self.record(SrvClose, conn, code, reason[:LONGEST_FRAME_KEPT])
        self.forget(conn)

    def server_eof(self, conn: str) -> None:
        """The server's FIN."""
        self.actors[conn].gone = self.actors[conn].server_ended = True
        self.record(SrvEof, conn)
        self.forget(conn)

    def server_reset(self, conn: str) -> None:
        """The server's RST."""
        self.actors[conn].gone = self.actors[conn].server_ended = True
        self.record(SrvRst, conn)
        self.forget(conn)

    def server_bad(self, conn: str, detail: str) -> None:
        """Bytes that RFC 6455 forbids."""
        self.actors[conn].tainted = self.actors[conn].server_ended = True
        self.record(SrvBad, conn, detail[:LONGEST_FRAME_KEPT])
        self.forget(conn)

    def tcp_closed(self, conn: str) -> None:
        """Our end of TCP is closed."""
        actor = self.actors[conn]
        if actor.closing and actor.server_closed:
            self.record(CloseOk, conn)
        elif actor.server_ended:
            self.record(TcpClosed, conn)
        actor.gone = True
        self.forget(conn)

    @property
    def unseen(self) -> bool:
        """Is there a message that nobody was seen to get, or a request without an answer?"""
        unread = self._group_of.keys() - self._refused - {msg for msg, _ in self.delivered}
        return bool(unread) or has_unanswered(self.record.events, in_order=self.policy.order != "none")

    def who_leave(self, actor: Actor) -> list[Actor]:
        """Who is no longer in a room when ``actor`` leaves it: where a user is in rooms, all of its connections."""
        if self.policy.rooms == "connection":
            return [actor]
        return [one for one in self.actors.values() if one.user == actor.user]

    # ---- parts ---------------------------------------------------------------------------------------------------

    def arrived(self, msg: str, conn: str) -> None:
        """A message of this plan was read."""
        self.delivered.add((msg, conn))
        self.awaited.discard((msg, conn))

    def not_published(self, conn: str, msg: str | None) -> None:
        """It comes to nobody, so that nobody is waited for. None: that may be any that nobody has got."""
        got = {name for name, _ in self.delivered}
        mine = {name for name, (sender, _) in self._audiences.items() if sender == conn}
        refused = mine - got if msg is None else {msg}
        self._refused |= refused
        self.awaited = {pair for pair in self.awaited if pair[0] not in refused}
        for name in refused:
            self._audiences.pop(name, None)
        self.wake()

    def room_of(self, msg: str) -> str | None:
        """The room that a message was sent to."""
        group = self._group_of.get(msg, "")
        return group.removeprefix("room:") if group.startswith("room:") else None

    def forget(self, conn: str) -> None:
        """Nothing more will come here, nor need others wait for what this connection would have sent."""
        if self.awaited:
            self.awaited = {pair for pair in self.awaited if pair[1] != conn}
        self.wake()
