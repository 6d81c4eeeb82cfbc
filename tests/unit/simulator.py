"""A hub that is correct by construction, in simulated time: what it may do is drawn, what it must do it does.

Its hidden instants are those of SPEC 2.1: when a connection joins and leaves, when a broadcast begins, when a copy is
written, when an end is noticed and a slot released. Handlers are sequential for each connection and interleave with
each other at every step. Delays are small against the bounds of the policy; pauses of the whole server are not.
"""

from __future__ import annotations

from collections import Counter

from simulated_ends import Ends
from simulated_processes import EVICTED, Processes
from simulated_refusals import Refusals
from simulated_rooms import JOIN, Rooms
from simulated_world import NET, STEP, Item, Peer, Task, Ways, World

from fuzzer.policy import Policy

ROOM_IN_BUFFERS = 3  # messages that fit in the buffers of a connection that does not read
UNAUTHORIZED, TAKEN, OVER = 4401, 4001, 1008
MALFORMED, GOING_AWAY = 1002, 1001


class Hub(Rooms, Refusals, Processes, Ends):
    """The server."""

    def __init__(self, world: World, policy: Policy, ways: Ways) -> None:
        self.world, self.policy, self.ways = world, policy, ways
        self.members: list[Peer] = []
        self.slots: Counter[str] = Counter()
        self.handlers = 0
        self.process = 0
        self.up = True
        self.peers: list[Peer] = []
        self._history: dict[str, list[Item]] = {}
        self._seen: list[tuple[float, str, int]] = []  # (when, user, change of its connections)
        self._leaked = False
        self._said = Counter[str]()
        self._stored_slots, self._stored_users = Counter[str](), Counter[str]()
        self._bus, self._known = [[], []], [[], []]
        self._users_rooms: dict[str, tuple[set[str], Counter[str]]] = {}

    # ---- network -------------------------------------------------------------------------------------------------

    def arrive(self, peer: Peer, item: Item) -> None:
        """Bytes of the client: its handler takes them in order."""
        if item[0] == "open":
            peer.process = self.process if self.up else -1
            peer.home = self.world.rng.randint(0, 1) if self.ways.processes else 0
            self.peers.append(peer)
        if peer.process != self.process or not self.up:
            self.unserved(peer, item)
            return
        peer.heard = self.world.now
        peer.inbox.append(item)
        if not peer.busy:
            peer.busy = True
            self._spawn(self._handle(peer))

    def _spawn(self, task: Task) -> None:
        process = self.process
        self.world.spawn(task, self.world.server, lambda: self.process == process and self.up)

    def _write(self, peer: Peer, item: Item) -> None:
        if peer.lost or (peer.closing and item[0] != "close"):
            return
        if peer.client.deaf and item[0] == "dlv" and self.policy.slow_consumer != "lossless":
            peer.unread += 1
            if peer.unread > ROOM_IN_BUFFERS:
                if self.ways.disconnects_slow:
                    self.kick(peer, 1013)
                return
        if item[0] in ("dlv", "pong") and self._is_full(peer):
            if self.ways.disconnects_slow:
                self.kick(peer, 1013)
            return
        peer.waiting += item[0] in ("dlv", "pong")
        self.put(peer, item)

    def _is_full(self, peer: Peer) -> bool:
        return self.policy.slow_consumer != "lossless" and 0 < self.ways.queue <= peer.waiting

    def put(self, peer: Peer, item: Item) -> None:
        """On the wire to the client, in order."""
        peer.last_arrival = max(peer.last_arrival, self.world.now + self.world.some(NET))
        self.world.at(peer.last_arrival, lambda: peer.client.receive(item))

    # ---- handlers ------------------------------------------------------------------------------------------------

    def _handle(self, peer: Peer) -> Task:
        while peer.inbox:
            yield self.world.some(STEP)
            if peer.inbox:  # a reset may have taken what was not read yet
                kind, *rest = peer.inbox.pop(0)
                if self._talks_too_much(peer, kind, rest):
                    continue
                yield from getattr(self, f"_on_{kind}")(peer, *rest)
        peer.busy = False

    def _on_open(self, peer: Peer) -> Task:
        self.handlers += 1
        peer.accepted = True
        over = peer.expires is not None and self.ways.ends_expired and self.world.now > peer.expires
        if peer.token not in ("valid", "brief") or over:
            yield from self._refuse(peer, 401, UNAUTHORIZED)
        elif not self._takes_slot(self._taking_over(peer)):
            yield from self._refuse(peer, 429, OVER)
        elif self.ways.joins_before_101:
            self._register(peer)
            self._write(peer, ("101",))
        else:
            self._write(peer, ("101",))
            yield self.world.some(JOIN)
            if self.ways.reads_out_early:
                self._read_out(peer, self._own(peer))
                yield self.world.some(JOIN)
            self._register(peer)

    def _read_out(self, peer: Peer, group: str) -> None:
        for item in self._history.get(f"{peer.home}{group}", ())[-3:] if self.ways.replays else ():
            self._write(peer, item)

    def _taking_over(self, peer: Peer) -> Peer:
        """The slots of its predecessors count no more for it."""
        for old in self._predecessors(peer) if self.policy.sessions == "takeover" else ():
            self.slots[self.whose(old.user)] -= old.slot
            old.slot = False
            if self.ways.shares_rooms:
                peer.rooms, peer.joins = old.rooms, old.joins
            if old.home == peer.home:
                self.kick(old, TAKEN)
            else:
                self._spawn(self._kick_late(old, TAKEN))
        return peer

    def _predecessors(self, peer: Peer) -> list[Peer]:
        return [m for m in self.members if (m.user, m.session) == (peer.user, peer.session) and peer.session]

    def _takes_slot(self, peer: Peer) -> bool:
        """Increment, then check: attempts at the same time may all be refused."""
        limit = self.policy.limit
        if limit is None or limit.over != "reject":
            return True
        self.slots[self.whose(peer.user)] += 1
        peer.slot = True
        return self.slots[self.whose(peer.user)] <= limit.max + (self.ways.bug == "one above")

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
        self._taking_over(peer)
        if self.ways.joins_before_101 or not self.ways.reads_out_early:
            self._read_out(peer, self._own(peer))
        self._bring_in(peer)
        peer.registered = True
        self.members.append(peer)
        peer.since = self.world.now
        self._note(peer, 1)
        self._evict(peer.user, peer)
        self.watch(peer)
        self._greet(peer)

    def _greet(self, peer: Peer) -> None:
        if self.ways.welcomes:
            self._write(peer, ("joined", self._own(peer)))
            self._write(peer, ("named", peer.user))
        if self.ways.chats:
            for mate in self.members:
                self._write(mate, ("notice", f"{peer.name} is here"))

    def _evict(self, user: str, new: Peer | None = None) -> None:
        limit = self.policy.limit
        if self.ways.processes and self.policy.t_evict and new is not None:
            self._spread(new, there=True)
            return
        mine = [m for m in self.members if self.whose(m.user) == self.whose(user)]
        if limit is None or limit.over == "reject" or self.ways.bug == "one above":
            return
        if limit.over == "evict-any":
            self.world.rng.shuffle(mine)
        for old in mine[: max(len(mine) - limit.max, 0)]:
            if self.ways.evicts_late:
                self._spawn(self._evict_late(old))
            else:
                self.kick(old, EVICTED)

    def _evict_late(self, old: Peer) -> Task:
        yield self.world.some(0.2)
        self.kick(old, EVICTED)

    def _own(self, peer: Peer) -> str:
        return "all" if self.policy.group == "all" else f"user:{peer.user}"

    def _on_msg(self, sender: Peer, msg: str, group: str, size: int = 0) -> Task:
        inside = group == self._own(sender) or group in sender.rooms
        if (
            self._minds_turns(sender, group)
            or self._turns_down(sender, msg, size, inside)
            or not sender.registered
            or not (inside or self.ways.outsiders_may_send)
        ):
            return
        self._walk_in(sender, group)
        if self.policy.group == "room" and not group.startswith("room:"):
            group = "roomless"
        audience = self._audience(group, sender.home)
        if self.ways.echoes and self.ways.copies and sender not in audience:
            self._write(sender, ("dlv", msg))
        self._remember(group, sender.home, msg)
        self._tell_the_other(sender, msg, group)
        if self.ways.chats:
            self._write(sender, ("notice", f"{msg} taken"))
        if self.ways.atomic:
            for _ in self._fan_out(sender, msg, group, audience, 0.0):
                pass
        elif self.ways.task_per_message:
            self._spawn(self._fan_out(sender, msg, group, audience, 10 * STEP))
        else:
            yield from self._fan_out(sender, msg, group, audience, STEP)

    def _audience(self, group: str, home: int) -> list[Peer]:
        there = [m for m in self.members if m.home == home or not self.ways.processes]
        if group == "roomless":
            return there if self.ways.broadcasts_roomless else []
        return [m for m in there if group == self._own(m) or group in m.rooms]

    def _remember(self, group: str, home: int, msg: str) -> None:
        self._history.setdefault(f"{home}{group}", []).append(("dlv", msg))

    def _fan_out(self, sender: Peer, msg: str, group: str, audience: list[Peer], step: float) -> Task:
        self.world.rng.shuffle(audience)
        for peer in audience:
            yield self.world.some(step)
            if peer.registered and (peer is not sender or self.ways.echoes):
                for _ in range(self._copies(peer, group)):
                    self._write(peer, ("dlv", msg))

    def _on_ping(self, peer: Peer, since: float) -> Task:
        yield 0.0
        self._write(peer, ("pong", since))

    def _on_query(self, peer: Peer) -> Task:
        """Who is connected, as it was a while ago: presence spreads slowly."""
        yield self.world.some(STEP)
        as_of = self.world.now - self.world.some((self.policy.t_presence or 0.0) * 0.4)
        there: Counter[str] = Counter()
        for when, user, change in self._seen:
            if when <= as_of:
                there[user] += change
        self._write(peer, ("present", tuple(user for user, number in there.items() if number > 0)))

    def _on_malformed(self, peer: Peer) -> Task:
        yield self.world.some(STEP)
        if self.ways.ignores_malformed:
            self._write(peer, ("notice", "what?"))
        else:
            self.kick(peer, MALFORMED)
