"""The client's end of one simulated connection: writes down what it reads, as the real driver does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulated_world import Item, Peer

from fuzzer.history import (
    CloseOk,
    Dlv,
    Frame,
    Joined,
    Named,
    OpenOk,
    OpenRej,
    Pong,
    Present,
    SendRej,
    SrvClose,
    SrvEof,
    SrvRst,
    SubRej,
    TcpClosed,
    UnsubOk,
)

if TYPE_CHECKING:
    from simulated_driver import Driver


@dataclass(eq=False)
class Tab:
    """One client connection; the hub's answers come in through ``receive``."""

    driver: Driver
    name: str
    user: str
    session: str | None = None
    token: str = "valid"
    role: str = "plan"
    expires: float | None = None
    peer: Peer | None = None
    opened: bool = False
    decided: bool = False
    joined: bool = False
    closing: bool = False
    half: bool = False  # after the closing handshake our end of TCP stays open until the drain
    gone: bool = False
    tainted: bool = False
    server_closed: bool = False
    deaf: bool = False
    abandon: str | None = None
    vanished: bool = False
    rooms: set[str] = field(default_factory=set)
    awaited: set[str] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)
    held: list[Item] = field(default_factory=list)
    last_arrival: float = 0.0

    @property
    def live(self) -> bool:
        return self.opened and not self.closing and not self.gone and not self.server_closed

    def receive(self, item: Item) -> None:
        """What arrives is read when the driver runs, and the connection reads."""
        world = self.driver.world
        world.at(world.driver(world.now), lambda: self._read(item))

    def _read(self, item: Item) -> None:
        if self.gone and not (item[0] in ("101", "reject", "cut") and self.abandon == "after-101" and not self.decided):
            return  # dropped: only who leaves after the 101 still reads that far
        if self.deaf:
            self.held.append(item)
        elif not self.server_closed:
            getattr(self, f"_read_{item[0]}")(*item[1:])

    def resume(self) -> None:
        self.deaf = False
        if self.peer:
            self.peer.unread = 0
        for item in self.held:
            self._read(item)
        self.held.clear()

    def _read_101(self) -> None:
        self.driver.record(OpenOk, conn=self.name)
        self.opened = self.decided = True
        self.joined = self.joined or not self.driver.hub.ways.welcomes
        if self.abandon == "after-101":
            self.driver.reset(self)

    def _read_reject(self, status: int) -> None:
        self.driver.record(OpenRej, conn=self.name, by="status", code=status)
        self.decided = self.gone = True

    def _read_cut(self) -> None:
        """The server process is gone, and with it the connection."""
        if not self.opened:
            self.driver.record(OpenRej, conn=self.name, by="reset")
            self.decided = self.gone = True
            return
        self.driver.record(SrvEof if self.driver.world.rng.random() < 0.5 else SrvRst, conn=self.name)
        self.driver.record(TcpClosed, conn=self.name)
        self.server_closed = self.gone = True

    def _read_joined(self, group: str) -> None:
        self.driver.record(Joined, conn=self.name, group=group)
        self.awaited.discard(group.removeprefix("room:"))
        self.joined = self.joined or not group.startswith("room:")

    def _read_named(self, user: str) -> None:
        self.driver.record(Named, conn=self.name, user=user)

    def _read_present(self, users: tuple[str, ...]) -> None:
        self.driver.record(Present, conn=self.name, users=users)

    def _read_notice(self, text: str) -> None:
        self.driver.record(Frame, conn=self.name, text=text)

    def _read_not_joined(self, group: str) -> None:
        self.driver.record(SubRej, conn=self.name, room=group.removeprefix("room:"))
        self.rooms.discard(group.removeprefix("room:"))
        self.awaited.discard(group.removeprefix("room:"))

    def _read_not_published(self, msg: str) -> None:
        self.driver.record(SendRej, conn=self.name, msg=msg)

    def _read_pong(self, since: float) -> None:
        self.driver.record(Pong, conn=self.name, since=since)
        if self.peer:
            self.peer.waiting -= 1

    def _read_unsubscribed(self, group: str) -> None:
        self.driver.record(UnsubOk, conn=self.name, room=group.removeprefix("room:"))
        self.leaving.discard(group.removeprefix("room:"))

    def _read_dlv(self, msg: str) -> None:
        most, ways = self.driver.policy.max_size, self.driver.hub.ways
        cut = most is not None and self.driver.sizes[msg] > most and ways.cuts_big
        self.driver.record(Dlv, msg=msg, conn=self.name, intact=not cut)
        if self.peer:
            self.peer.waiting -= 1
        self.driver.arrived.add((msg, self.name))
        self.joined = True

    def _read_close(self, code: int) -> None:
        self.driver.record(SrvClose, conn=self.name, code=code)
        self.server_closed = True
        if not (self.half and self.closing):
            self.let_go()

    def let_go(self) -> None:
        """Close our end of TCP."""
        if not self.gone:
            self.driver.record(CloseOk if self.closing else TcpClosed, conn=self.name)
            self.gone = True
            self.driver.up(self, ("gone", 0.05))
