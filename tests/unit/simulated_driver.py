"""The driver in simulated time: performs steps against a ``Hub`` and writes the history as the real one does."""

from __future__ import annotations

from collections.abc import Callable

from histories import H
from simulated_ends import HEARTBEAT
from simulated_outsiders import Outsider, bring_outsiders
from simulated_tab import Tab
from simulated_world import NET, Item, Peer, Task, World
from simulator import Hub

from fuzzer.history import (
    CloseInv,
    CloseLate,
    Control,
    DropInv,
    FaultEnd,
    FaultInv,
    Lag,
    OpenInv,
    PingInv,
    QueryInv,
    Restarted,
    SendInv,
    SendOk,
    ServerPaused,
    ServerResumed,
    StopInv,
    Stopped,
    SubInv,
    UnsubInv,
)
from fuzzer.invariants.closing import GIVES_UP
from fuzzer.policy import Policy

PATIENCE = 1.0
CLOSE_TIMEOUT = 3.0
HELD_UP = 0.2  # of all restarts
NOTICED = 0.55  # a hub with a heartbeat that stood still for so long may take others for dead


class Driver:
    """The driver; ``run`` gives the history."""

    def __init__(self, world: World, hub: Hub, policy: Policy) -> None:
        self.world, self.hub, self.policy = world, hub, policy
        self.written = H(policy)
        self.tabs: dict[str, Tab] = {}
        self.arrived: set[tuple[str, str]] = set()
        self.done = False
        self.outsiders, self.earlier = 0, False
        self.control: Outsider | None = None
        self._messages = 0
        self.sizes: dict[str, int] = {}

    def record(self, event: type, /, **fields: object) -> None:
        self.written.events.append(event(t=round(self.world.now, 6), **fields))

    def run(self, script: Callable[[Driver], Task]) -> H:
        """Play to the end of simulated time."""
        self.control = bring_outsiders(self)
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
            self._take_for_dead()

    def _take_for_dead(self) -> None:
        for peer in [m for m in self.hub.members if self.world.rng.random() < 0.5]:
            self.hub.kick(peer, 1011)

    def _controls(self) -> Task:
        while not self.done:
            since = self.world.now
            peer = self._controlled()
            server_at = self.world.server(since + self.world.some(NET))
            answer = self.world.driver(server_at + self.world.some(NET))
            ok = answer - since <= PATIENCE and self.world.served(since, answer) and peer != "none"
            yield answer - since if ok else PATIENCE
            ok = ok and self.world.served(since, answer) and peer is self._controlled()
            self.record(Control, ok=ok, since=round(since, 6))
            yield 0.05

    def _controlled(self) -> object:
        """The control connection, where it needs a slot as others do; "none": it has none now."""
        if self.control is None:
            return "always"
        peer = self.control.peer
        return peer if peer is not None and peer.registered else "none"

    def up(self, tab: Tab, item: Item) -> None:
        """Bytes on their way to the hub, in order."""
        assert tab.peer is not None
        peer = tab.peer
        tab.last_arrival = max(tab.last_arrival, self.world.now + self.world.some(NET))
        self.world.at(tab.last_arrival, lambda: self.hub.arrive(peer, item))

    # ---- operations ----------------------------------------------------------------------------------------------

    def open(self, tab: Tab, abandon: str | None = None, held: float = 0.0) -> None:
        self.tabs[tab.name] = tab
        tab.peer = Peer(tab.name, tab.user, tab.session, tab.token, tab, tab.expires)
        tab.abandon, tab.tainted = abandon, tab.token != "valid" or abandon is not None
        fields = {"session": tab.session, "token": tab.token, "abandon": abandon, "role": tab.role}
        self.record(OpenInv, conn=tab.name, user=tab.user, expires=tab.expires, **fields)
        if abandon != "half-request":
            tab.last_arrival = self.world.now + held  # the last byte of the request is kept back
            self.up(tab, ("open",))
        if abandon is not None:
            self.record(DropInv, conn=tab.name, how="reset")
            tab.gone = True
            tab.decided = abandon != "after-101"
            if abandon == "before-101":
                self.up(tab, ("gone", self.policy.t_detect * 0.4))

    def send(self, tab: Tab, room: str | None = None, name: str = "", size: int = 0) -> str:
        self._messages += 1
        msg = f"{name}m{self._messages}"
        own = "all" if self.policy.group == "all" else f"user:{tab.user}"
        group = f"room:{room}" if room else own
        self.record(SendInv, msg=msg, conn=tab.name, group=group, size=size, fence=bool(name))
        self.record(SendOk, msg=msg)
        self.sizes[msg] = size
        self.up(tab, ("msg", msg, group, size))
        return msg

    def subscribe(self, tab: Tab, room: str, leave: bool = False) -> None:
        if not self.may_speak(tab, room) or not (leave or self._may_ask(tab, room)):
            return
        self.record(UnsubInv if leave else SubInv, conn=tab.name, room=room)
        (tab.leaving if leave else tab.awaited).add(room)
        for one in self._in_rooms_with(tab) if leave else [tab]:
            (one.rooms.discard if leave else one.rooms.add)(room)
        self.up(tab, ("unsub" if leave else "sub", f"room:{room}"))

    def may_speak(self, tab: Tab, room: str | None) -> bool:
        """A hub that minds turns closes who speaks in a room before the answer."""
        return self.policy.subscriptions != "single" or all(room not in t.awaited for t in self._in_rooms_with(tab))

    def _may_ask(self, tab: Tab, room: str) -> bool:
        here = (room in one.rooms | one.leaving for one in self._in_rooms_with(tab))
        return self.policy.subscriptions != "single" or not any(here)

    def _in_rooms_with(self, tab: Tab) -> list[Tab]:
        mates = [one for one in self.tabs.values() if one.user == tab.user]
        return mates if self.policy.rooms == "user" else [tab]

    def ping(self, tab: Tab) -> None:
        self.record(PingInv, conn=tab.name)
        self.up(tab, ("ping", round(self.world.now, 6)))

    def query(self, tab: Tab) -> None:
        self.record(QueryInv, conn=tab.name)
        self.up(tab, ("query",))

    def close(self, tab: Tab, half: bool = False) -> None:
        if half:
            self.fault(tab, "half-close")
            tab.half = True
        self.record(CloseInv, conn=tab.name)
        tab.closing = True
        self.up(tab, ("close", 1000))
        self.world.at(self.world.driver(self.world.now + CLOSE_TIMEOUT), lambda: self._give_up(tab))

    def _give_up(self, tab: Tab) -> None:
        if not tab.gone and not tab.server_closed:
            self.record(CloseLate, conn=tab.name)
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
            self._unheard(tab)

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
        elif kind == "mute":
            self._unheard(tab)
        elif kind.startswith("malformed"):
            self.up(tab, ("malformed",))

    def _unheard(self, tab: Tab) -> None:
        """From now on it answers no ping."""
        if self.hub.ways.heartbeat and tab.peer:
            peer = tab.peer
            self.world.spawn(self._reap(peer), self.world.server)

    def _reap(self, peer: Peer) -> Task:
        yield HEARTBEAT
        self.hub.give_up(peer)

    def resume(self, tab: Tab) -> None:
        tab.resume()
        self.record(FaultEnd, conn=tab.name, kind="stall")

    # ---- the server process --------------------------------------------------------------------------------------

    def pause(self, seconds: float) -> Task:
        """SIGSTOP and SIGCONT."""
        self.record(ServerPaused)
        start = self.world.now
        self.world.pauses.append((start, start + seconds))
        yield seconds
        self.world.pauses[-1] = (start, self.world.now)
        self.record(ServerResumed)
        if seconds >= NOTICED and self.hub.ways.heartbeat:
            self._take_for_dead()

    def restart(self) -> Task:
        """SIGTERM, and a new process."""
        self.record(StopInv)
        start = self.world.now
        self.world.outages.append((start, start + 99))
        ends = self.world.rng.random() * (self.policy.t_shutdown or 1.0) * 0.4
        held_up = self.world.rng.random() < HELD_UP
        if held_up:  # by the machine, which tells nobody: the hub's own patience is over when it goes on
            self.world.pauses.append((start, start + GIVES_UP + 0.05))
        awake = self.world.server(start)
        yield max(awake - start, 0.0)
        self.hub.shut_down(ends, gives_up=held_up)
        yield from self.wait(lambda: not self.hub.up, 9.0)
        self.record(Stopped, status=0)
        yield self.world.rng.random() * 0.5
        self.hub.begin_again()
        self.world.outages[-1] = (start, self.world.now)
        self.record(Restarted)

    def kill(self, status: int | None) -> Task:
        """SIGTERM, which it does not handle, or does not obey."""
        self.record(StopInv)
        start = self.world.now
        if status is None:
            yield 1.5
        self.world.outages.append((self.world.now if status is None else start, start + 99))
        self.hub.die_at_once()
        yield 0.03
        self.record(Stopped, status=status)
        yield self.world.rng.random() * 0.5
        self.hub.begin_again()
        self.world.outages[-1] = (start, self.world.now)
        self.record(Restarted)

    def wait(self, reached: Callable[[], bool], most: float) -> Task:
        end = self.world.now + most
        while not reached() and self.world.now < end:
            yield 0.01
