"""The driver in simulated time: performs steps against a ``Hub`` and writes the history as the real one does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from histories import H
from simulator import HEARTBEAT, NET, Hub, Item, Peer, Task, World

from fuzzer.history import (
    CloseInv,
    CloseOk,
    Control,
    Dlv,
    DropInv,
    FaultEnd,
    FaultInv,
    Joined,
    Lag,
    OpenInv,
    OpenOk,
    OpenRej,
    Phase,
    Probe,
    Quiet,
    SendInv,
    SendOk,
    SrvClose,
    SubInv,
    TcpClosed,
    UnsubInv,
    UnsubOk,
)
from fuzzer.policy import Policy

PATIENCE = 1.0
CLOSE_TIMEOUT = 3.0


@dataclass(eq=False)
class Tab:
    """One client connection; the hub's answers come in through ``receive``."""

    driver: Driver
    name: str
    user: str
    session: str | None = None
    token: str = "valid"
    role: str = "plan"
    peer: Peer | None = None
    opened: bool = False
    decided: bool = False
    joined: bool = False
    closing: bool = False
    gone: bool = False
    tainted: bool = False
    server_closed: bool = False
    deaf: bool = False
    abandon: str | None = None
    vanished: bool = False
    rooms: set[str] = field(default_factory=set)
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
        if self.gone and not (item[0] in ("101", "reject") and self.abandon == "after-101"):
            return  # dropped: only who leaves after the 101 still reads that far
        if self.deaf:
            self.held.append(item)
        else:
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

    def _read_joined(self, group: str) -> None:
        self.driver.record(Joined, conn=self.name, group=group)
        self.joined = self.joined or not group.startswith("room:")

    def _read_unsubscribed(self, group: str) -> None:
        self.driver.record(UnsubOk, conn=self.name, room=group.removeprefix("room:"))

    def _read_dlv(self, msg: str) -> None:
        self.driver.record(Dlv, msg=msg, conn=self.name)
        self.driver.arrived.add((msg, self.name))
        self.joined = True

    def _read_close(self, code: int) -> None:
        self.driver.record(SrvClose, conn=self.name, code=code)
        self.server_closed = True
        self.driver.record(CloseOk if self.closing else TcpClosed, conn=self.name)
        self.gone = True
        self.driver.up(self, ("gone", 0.05))


class Driver:
    """The driver; ``run`` gives the history."""

    def __init__(self, world: World, hub: Hub, policy: Policy) -> None:
        self.world, self.hub, self.policy = world, hub, policy
        self.written = H(policy)
        self.tabs: dict[str, Tab] = {}
        self.arrived: set[tuple[str, str]] = set()
        self.done = False
        self._messages = 0

    def record(self, event: type, /, **fields: object) -> None:
        self.written.events.append(event(t=round(self.world.now, 6), **fields))

    def run(self, script: Callable[[Driver], Task]) -> H:
        """Play to the end of simulated time."""
        self.world.spawn(self._whole(script), self.world.driver)
        self.world.spawn(self._controls(), self.world.driver)
        for start, end in self.world.freezes:
            self.world.at(start + HEARTBEAT, lambda end=end: self._heartbeat(end))  # type: ignore[misc]
            self.world.at(end, lambda late=end - start: self.record(Lag, seconds=round(late, 4)))  # type: ignore[misc]
        self.world.run()
        return self.written

    def _whole(self, script: Callable[[Driver], Task]) -> Task:
        yield from script(self)
        self.done = True

    def _heartbeat(self, thaw: float) -> None:
        """A frozen driver answers no pings: the hub may end any of its connections."""
        if self.world.now < thaw and self.hub.ways.heartbeat and not self.done:
            for peer in [m for m in self.hub.members if self.world.rng.random() < 0.5]:
                self.hub.kick(peer, 1011)

    def _controls(self) -> Task:
        while not self.done:
            since = self.world.now
            server_at = self.world.server(since + self.world.some(NET))
            answer = self.world.driver(server_at + self.world.some(NET))
            ok = answer - since <= PATIENCE
            yield answer - since if ok else PATIENCE
            self.record(Control, ok=ok, since=round(since, 6))
            yield 0.05

    def up(self, tab: Tab, item: Item) -> None:
        """Bytes on their way to the hub, in order."""
        assert tab.peer is not None
        peer = tab.peer
        tab.last_arrival = max(tab.last_arrival, self.world.now + self.world.some(NET))
        self.world.at(tab.last_arrival, lambda: self.hub.arrive(peer, item))

    # ---- operations ----------------------------------------------------------------------------------------------

    def open(self, tab: Tab, abandon: str | None = None) -> None:
        self.tabs[tab.name] = tab
        tab.peer = Peer(tab.name, tab.user, tab.session, tab.token, tab)
        tab.abandon, tab.tainted = abandon, tab.token != "valid" or abandon is not None
        fields = {"session": tab.session, "token": tab.token, "abandon": abandon, "role": tab.role}
        self.record(OpenInv, conn=tab.name, user=tab.user, **fields)
        if abandon != "half-request":
            self.up(tab, ("open",))
        if abandon is not None:
            self.record(DropInv, conn=tab.name, how="reset")
            tab.gone = tab.decided = True
            if abandon == "before-101":
                self.up(tab, ("gone", self.policy.t_detect * 0.4))

    def send(self, tab: Tab, room: str | None = None, name: str = "") -> str:
        self._messages += 1
        msg = f"{name}m{self._messages}"
        own = "all" if self.policy.group == "all" else f"user:{tab.user}"
        group = f"room:{room}" if room else own
        self.record(SendInv, msg=msg, conn=tab.name, group=group, fence=bool(name))
        self.record(SendOk, msg=msg)
        self.up(tab, ("msg", msg, group))
        return msg

    def subscribe(self, tab: Tab, room: str, leave: bool = False) -> None:
        self.record(UnsubInv if leave else SubInv, conn=tab.name, room=room)
        (tab.rooms.discard if leave else tab.rooms.add)(room)
        self.up(tab, ("unsub" if leave else "sub", f"room:{room}"))

    def close(self, tab: Tab) -> None:
        self.record(CloseInv, conn=tab.name)
        tab.closing = True
        self.up(tab, ("close", 1000))
        self.world.at(self.world.driver(self.world.now + CLOSE_TIMEOUT), lambda: self._give_up(tab))

    def _give_up(self, tab: Tab) -> None:
        if not tab.gone:
            self.drop(tab, "reset")

    def drop(self, tab: Tab, how: str) -> None:
        self.record(DropInv, conn=tab.name, how=how)
        tab.gone = True
        if how == "fin":
            self.up(tab, ("gone", self.policy.t_detect * 0.4))
        elif how == "reset":
            self.reset(tab)
        else:
            tab.vanished = tab.deaf = True

    def reset(self, tab: Tab) -> None:
        assert tab.peer is not None
        peer = tab.peer
        tab.gone = True
        tab.last_arrival = max(tab.last_arrival, self.world.now + self.world.some(NET))
        self.world.at(tab.last_arrival, lambda: self.hub.reset(peer))

    def fault(self, tab: Tab, kind: str) -> None:
        self.record(FaultInv, conn=tab.name, kind=kind)
        tab.tainted = True
        if kind == "stall":
            tab.deaf = True
        elif kind == "mute" and self.hub.ways.heartbeat and tab.peer:
            peer = tab.peer
            self.world.at(self.world.server(self.world.now + HEARTBEAT), lambda: self.hub.kick(peer, 1011))
        elif kind.startswith("malformed"):
            self.up(tab, ("malformed",))

    def resume(self, tab: Tab) -> None:
        tab.resume()
        self.record(FaultEnd, conn=tab.name, kind="stall")

    # ---- fences and finale ---------------------------------------------------------------------------------------

    def wait(self, reached: Callable[[], bool], most: float) -> Task:
        end = self.world.now + most
        while not reached() and self.world.now < end:
            yield 0.01

    def fence(self, patience: float) -> Task:
        """Live members send, again and again; after ``patience`` the fence has failed, even if much too soon."""
        self.record(Phase, name="fence")
        awaited: dict[tuple[str, str | None, str], set[str]] = {}
        end = self.world.now + patience
        while True:
            self._send_fences(awaited)
            yield from self.wait(lambda: self._complete(awaited), 0.25)
            if self._complete(awaited) or self.world.now >= end:
                break
        self.record(Quiet, complete=self._complete(awaited))

    def _send_fences(self, awaited: dict[tuple[str, str | None, str], set[str]]) -> None:
        members = [t for t in self.tabs.values() if t.live and not t.tainted and t.joined]
        for tab in members:
            for room in (None, *sorted(tab.rooms)):
                msg = self.send(tab, room, "~")
                for mate in members:
                    if mate is not tab and (room in mate.rooms if room else mate.user == tab.user):
                        awaited.setdefault((tab.name, room, mate.name), set()).add(msg)

    def _complete(self, awaited: dict[tuple[str, str | None, str], set[str]]) -> bool:
        here = (pair for pair in awaited if self.tabs[pair[0]].live and self.tabs[pair[2]].live)
        return all(any((msg, pair[2]) in self.arrived for msg in awaited[pair]) for pair in here)

    def finale(self) -> Task:
        """Heal, drain, count, slots, canary."""
        for tab in [t for t in self.tabs.values() if t.deaf and not t.gone]:
            self.resume(tab)
        yield from self.fence(0.5)
        yield from self.wait(lambda: all(t.decided for t in self.tabs.values()), 4.0)
        self.record(Phase, name="drain")
        yield from self._close_all([t for t in self.tabs.values() if t.live])
        for tab in [t for t in self.tabs.values() if t.vanished]:
            self.drop(tab, "reset")
        yield from self._count()
        for user in dict.fromkeys(t.user for t in list(self.tabs.values())):
            yield from self._slots(user)
        yield from self._canary()

    def _close_all(self, tabs: list[Tab]) -> Task:
        for tab in tabs:
            if tab.live:
                self.close(tab)
        yield from self.wait(lambda: all(t.gone for t in tabs), CLOSE_TIMEOUT + 1)

    def _count(self) -> Task:
        self.record(Phase, name="probe")
        for pause in (0.0, 0.05, 0.3, self._bound()):
            yield pause
            self.record(Probe, name="connections", value=self.hub.handlers, when="after")
            if not self.hub.handlers:
                return

    def _bound(self) -> float:
        return max(self.policy.t_release, self.policy.t_detect) * 1.3

    def _slots(self, user: str) -> Task:
        if self.policy.limit is None:
            return
        self.record(Phase, name=f"slots:{user}")
        opened: list[Tab] = []
        for number in range(self.policy.limit.max + 1):
            for pause in (0.0, 0.04, self._bound()):
                yield pause
                tab = Tab(self, f"slot:{user}.{number}.{len(self.tabs)}", user, role="slot")
                yield from self._open_and_wait([tab])
                if tab.live or number == self.policy.limit.max:
                    break
            opened += [tab] if tab.live else []
        yield from self.fence(0.5)
        yield from self._close_all(opened)

    def _canary(self) -> Task:
        self.record(Phase, name="canary")
        limit = self.policy.limit
        tabs = [
            Tab(self, f"canary.{i}", "canary", role="canary") for i in range(2 if not limit or limit.max > 1 else 1)
        ]
        yield from self._open_and_wait(tabs)
        yield from self.fence(2.0)
        yield from self._close_all(tabs)

    def _open_and_wait(self, tabs: list[Tab]) -> Task:
        for tab in tabs:
            self.open(tab)
        yield from self.wait(lambda: all(t.decided for t in tabs), 4.0)
        yield from self.wait(lambda: all(t.joined or not t.live for t in tabs), 1.0)
