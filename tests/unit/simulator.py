"""A hub that is correct by construction, in simulated time: what it may do is drawn, what it must do it does.

Its hidden instants are those of SPEC 2.1: when a connection joins and leaves, when a broadcast begins, when a copy is
written, when an end is noticed and a slot released. Handlers are sequential for each connection and interleave with
each other at every step. Delays are small against the bounds of the policy; pauses of the whole server are not.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Protocol

from fuzzer.policy import Policy

Task = Iterator[float]
Item = tuple[Any, ...]

NET = 0.02
STEP = 0.004
JOIN = 0.1
HEARTBEAT = 0.6
ROOM_IN_BUFFERS = 3  # messages that fit in the buffers of a connection that does not read
UNAUTHORIZED, TAKEN, EVICTED, OVER = 4401, 4001, 4009, 1008


class World:
    """Simulated time; spans in which the server, or the driver, does not run."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.now = 0.0
        self.pauses: list[tuple[float, float]] = []
        self.freezes: list[tuple[float, float]] = []
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def at(self, t: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._due, (max(t, self.now), next(self._numbers), call))

    def run(self) -> None:
        while self._due:
            self.now, _, call = heapq.heappop(self._due)
            call()

    def server(self, t: float) -> float:
        """When the server can next act."""
        return next((end for start, end in self.pauses if start <= t < end), t)

    def driver(self, t: float) -> float:
        """When the driver can next act."""
        return next((end for start, end in self.freezes if start <= t < end), t)

    def spawn(self, task: Task, awake: Callable[[float], float]) -> None:
        """Run a generator that yields the seconds to wait."""

        def step() -> None:
            pause = next(task, None)
            if pause is not None:
                self.at(awake(self.now + pause), step)

        self.at(awake(self.now), step)

    def some(self, most: float) -> float:
        """A delay: often none at all."""
        return 0.0 if self.rng.random() < 0.5 else self.rng.random() * most


@dataclass
class Ways:
    """In which of the allowed ways this hub behaves, and the one wrong thing that it does (``bug``)."""

    welcomes: bool = True
    joins_before_101: bool = False
    refuses_by_close: bool = False
    echoes: bool = True
    task_per_message: bool = False
    sends_twice: bool = False
    replays: bool = False
    disconnects_slow: bool = False
    heartbeat: bool = False
    ignores_malformed: bool = False
    outsiders_may_send: bool = True
    bug: str = ""


class Client(Protocol):
    """The other end of a connection."""

    def receive(self, item: Item) -> None: ...

    @property
    def deaf(self) -> bool: ...


@dataclass(eq=False)
class Peer:
    """The server's end of one connection."""

    name: str
    user: str
    session: str | None
    token: str
    client: Client
    inbox: list[Item] = field(default_factory=list)
    busy: bool = False
    accepted: bool = False
    registered: bool = False
    slot: bool = False
    closing: bool = False  # a Close frame is on its way: nothing may follow it
    lost: bool = False
    released: bool = False
    rooms: set[str] = field(default_factory=set)
    unread: int = 0
    last_arrival: float = 0.0


class Hub:
    """The server."""

    def __init__(self, world: World, policy: Policy, ways: Ways) -> None:
        self.world, self.policy, self.ways = world, policy, ways
        self.members: list[Peer] = []
        self.slots: Counter[str] = Counter()
        self.handlers = 0
        self._history: dict[str, list[Item]] = {}
        self._leaked = False

    # ---- network -------------------------------------------------------------------------------------------------

    def arrive(self, peer: Peer, item: Item) -> None:
        """Bytes of the client: its handler takes them in order."""
        peer.inbox.append(item)
        if not peer.busy:
            peer.busy = True
            self._spawn(self._handle(peer))

    def _spawn(self, task: Task) -> None:
        self.world.spawn(task, self.world.server)

    def _write(self, peer: Peer, item: Item) -> None:
        if peer.lost or (peer.closing and item[0] != "close"):
            return
        if peer.client.deaf and item[0] == "dlv" and self.policy.slow_consumer != "lossless":
            peer.unread += 1
            if peer.unread > ROOM_IN_BUFFERS:
                if self.ways.disconnects_slow:
                    self.kick(peer, 1013)
                return
        peer.last_arrival = max(peer.last_arrival, self.world.now + self.world.some(NET))
        self.world.at(peer.last_arrival, lambda: peer.client.receive(item))

    # ---- handlers ------------------------------------------------------------------------------------------------

    def _handle(self, peer: Peer) -> Task:
        while peer.inbox:
            yield self.world.some(STEP)
            if peer.inbox:  # a reset may have taken what was not read yet
                kind, *rest = peer.inbox.pop(0)
                yield from getattr(self, f"_on_{kind}")(peer, *rest)
        peer.busy = False

    def _on_open(self, peer: Peer) -> Task:
        self.handlers += 1
        peer.accepted = True
        if peer.token != "valid":
            yield from self._refuse(peer, 401, UNAUTHORIZED)
        elif not self._takes_slot(peer):
            yield from self._refuse(peer, 429, OVER)
        elif self.ways.joins_before_101:
            self._register(peer)
            self._write(peer, ("101",))
        else:
            self._write(peer, ("101",))
            yield self.world.some(JOIN)
            self._register(peer)

    def _takes_slot(self, peer: Peer) -> bool:
        """Increment, then check: attempts at the same time may all be refused."""
        limit = self.policy.limit
        if limit is None or limit.over != "reject":
            return True
        self.slots[peer.user] += 1
        peer.slot = True
        return self.slots[peer.user] <= limit.max + (self.ways.bug == "one above")

    def _refuse(self, peer: Peer, status: int, code: int) -> Task:
        if self.ways.refuses_by_close:
            self._write(peer, ("101",))
            yield self.world.some(JOIN)
            self.kick(peer, code)
        else:
            self._write(peer, ("reject", status))
            self._release(peer)

    def _register(self, peer: Peer) -> None:
        if peer.lost or peer.closing:
            return
        heirs = [m for m in self.members if (m.user, m.session) == (peer.user, peer.session) and peer.session]
        if self.policy.sessions == "takeover":
            for old in heirs:
                self.kick(old, TAKEN)
        if self.ways.replays:
            for item in self._history.get(self._own(peer), ())[-3:]:
                self._write(peer, item)
        peer.registered = True
        self.members.append(peer)
        self._evict(peer.user)
        if self.ways.welcomes:
            self._write(peer, ("joined", self._own(peer)))

    def _evict(self, user: str) -> None:
        limit = self.policy.limit
        mine = [m for m in self.members if m.user == user]
        if limit is not None and limit.over == "evict-oldest" and self.ways.bug != "one above":
            for old in mine[: max(len(mine) - limit.max, 0)]:
                self.kick(old, EVICTED)

    def _own(self, peer: Peer) -> str:
        return "all" if self.policy.group == "all" else f"user:{peer.user}"

    def _on_msg(self, sender: Peer, msg: str, group: str) -> Task:
        inside = group == self._own(sender) or group in sender.rooms
        if not sender.registered or not (inside or self.ways.outsiders_may_send):
            return
        audience = [m for m in self.members if group == self._own(m) or group in m.rooms]
        self._history.setdefault(group, []).append(("dlv", msg))
        if self.ways.task_per_message:
            self._spawn(self._fan_out(sender, msg, audience, 10 * STEP))
        else:
            yield from self._fan_out(sender, msg, audience, STEP)

    def _fan_out(self, sender: Peer, msg: str, audience: list[Peer], step: float) -> Task:
        self.world.rng.shuffle(audience)
        for peer in audience:
            yield self.world.some(step)
            if peer.registered and (peer is not sender or self.ways.echoes):
                for _ in range(1 + (self.ways.sends_twice and self.world.rng.random() < 0.3)):
                    self._write(peer, ("dlv", msg))

    def _on_sub(self, peer: Peer, group: str) -> Task:
        yield self.world.some(STEP)
        if self.ways.replays and group not in peer.rooms:
            for item in self._history.get(group, ())[-3:]:
                self._write(peer, item)
        peer.rooms.add(group)
        self._write(peer, ("joined", group))

    def _on_unsub(self, peer: Peer, group: str) -> Task:
        yield self.world.some(STEP)
        peer.rooms.discard(group)
        self._write(peer, ("unsubscribed", group))

    def _on_malformed(self, peer: Peer) -> Task:
        yield self.world.some(STEP)
        if not self.ways.ignores_malformed:
            self.kick(peer, 1002)

    # ---- ends ----------------------------------------------------------------------------------------------------

    def kick(self, peer: Peer, code: int) -> None:
        """The server ends a connection; the slot comes back when the client has closed TCP."""
        self._deregister(peer)
        if not peer.closing:
            peer.closing = True
            self._write(peer, ("close", code))

    def _on_close(self, peer: Peer, code: int) -> Task:
        self._deregister(peer)
        yield self.world.some(STEP)
        if not peer.closing:
            peer.closing = True
            self._write(peer, ("close", code))
        self._release(peer)

    def _on_gone(self, peer: Peer, within: float) -> Task:
        """FIN, RST or our closed TCP, noticed sooner or later."""
        yield self.world.rng.random() * within
        peer.lost = True
        self._deregister(peer)
        self._release(peer)

    def reset(self, peer: Peer) -> None:
        """RST: of what was not yet read a part is lost, always a suffix."""
        del peer.inbox[self.world.rng.randint(0, len(peer.inbox)) :]
        self.arrive(peer, ("gone", self.policy.t_detect * 0.4))

    def _deregister(self, peer: Peer) -> None:
        if peer.registered:
            peer.registered = False
            self.members.remove(peer)

    def _release(self, peer: Peer) -> None:
        if peer.accepted and not peer.released:
            peer.released = True
            self._spawn(self._free(peer))

    def _free(self, peer: Peer) -> Task:
        yield self.world.rng.random() * self.policy.t_release * 0.4
        if self.ways.bug == "slot kept" and not self._leaked and peer.token == "valid":
            self._leaked = True
            return
        self.handlers -= 1
        if peer.slot:
            self.slots[peer.user] -= 1
