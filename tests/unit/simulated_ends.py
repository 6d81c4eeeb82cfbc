"""How connections of the simulated hub end, by either side or with the process; and when what they held is free."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from simulated_world import STEP, Item, Peer, Task, Ways, World

from fuzzer.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

HEARTBEAT = 0.6
EXPIRED, IDLE, UNHEARD, LEAVING = 4401, 4000, 1011, 1001


class Ends:
    """The part of the hub that lets go."""

    world: World
    policy: Policy
    ways: Ways
    members: list[Peer]
    peers: list[Peer]
    slots: Counter[str]
    handlers: int
    process: int
    up: bool
    _seen: list[tuple[float, str, int]]
    _stored_slots: Counter[str]
    _stored_users: Counter[str]
    _history: dict[str, list[Item]]
    _users_rooms: dict[str, tuple[set[str], Counter[str]]]
    _leaked: bool
    _write: Callable[[Peer, Item], None]
    _spawn: Callable[[Task], None]
    _spread: Callable[..., None]
    _bus: list[list[Item]]
    _known: list[list[Peer]]
    put: Callable[[Peer, Item], None]

    def kick(self, peer: Peer, code: int) -> None:
        """The server ends a connection; the slot comes back when the client has closed TCP."""
        self._deregister(peer)
        if not peer.closing:
            peer.closing = True
            self._write(peer, ("close", code))

    def give_up(self, peer: Peer) -> None:
        """Nothing was heard of it within the heartbeat: it is closed, and what it held is free, whatever it does."""
        if peer.process == self.process and self.up and peer.accepted:
            self.kick(peer, UNHEARD)
            peer.lost = True
            self._release(peer)

    def watch(self, peer: Peer) -> None:
        """Timers of a member: its token, and its silence."""
        if peer.expires is not None and self.ways.ends_expired:
            self._spawn(self._expire(peer, peer.expires))
        if self.ways.closes_idle and self.policy.t_idle is not None:
            self._spawn(self._idle(peer, self.policy.t_idle))

        if self.ways.closes_old and self.policy.t_lifetime is not None:
            self._spawn(self._age(peer, self.policy.t_lifetime))

    def _age(self, peer: Peer, bound: float) -> Task:
        yield bound
        if peer.registered:
            self.kick(peer, IDLE)

    def _expire(self, peer: Peer, at: float) -> Task:
        """Clocks differ a little; noticing takes a while."""
        spread = self.world.rng.random() * ((self.policy.t_expiry or 0.0) * 0.4 + 0.5) - 0.5
        yield max(at + spread - self.world.now, 0.0)
        peer.expired = True
        if self.ways.closes_expired:
            self.kick(peer, EXPIRED)
        else:
            self._deregister(peer)

    def _idle(self, peer: Peer, bound: float) -> Task:
        while peer.registered:
            yield max(peer.heard + bound - self.world.now, STEP)
            if peer.registered and self.world.now - peer.heard >= bound:
                self.kick(peer, IDLE)

    def _on_close(self, peer: Peer, code: int) -> Task:
        self._deregister(peer)
        yield self.world.some(STEP)
        if self.ways.hangs_up:
            self._hang_up(peer)
        elif not peer.closing:
            peer.closing = True
            self._write(peer, ("close", code))
        if self.ways.hangs_up or not self.ways.waits_for_tcp:
            self._release(peer)

    def _hang_up(self, peer: Peer) -> None:
        """No Close frame in answer: it closes TCP."""
        if not peer.closing:
            self.put(peer, ("cut",))
        peer.closing = peer.lost = True

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

    def arrive(self, peer: Peer, item: Item) -> None:
        raise NotImplementedError

    def _deregister(self, peer: Peer) -> None:
        if peer.registered:
            peer.registered = False
            self.members.remove(peer)
            self._note(peer, -1)
            if self.ways.processes and self.policy.t_evict:
                self._spread(peer, there=False)

    def _note(self, peer: Peer, change: int) -> None:
        self._seen.append((self.world.now, peer.user, change))
        if self.ways.tells_presence:
            users = tuple(dict.fromkeys(m.user for m in self.members))
            for mate in self.members:
                self._write(mate, ("present", users))

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
        peer.freed = True
        if peer.slot:
            self.slots[self.whose(peer.user)] -= 1

    def whose(self, user: str) -> str:
        """By whose limit a user's connections count: its own, or everybody's."""
        limit = self.policy.limit
        return "" if limit is not None and limit.shared else user

    # ---- the process ---------------------------------------------------------------------------------------------

    def die_at_once(self) -> None:
        """Killed: what is kept in a store stays there until its lease ends, and no other end of the hub clears it."""
        if self.ways.keeps_store:
            held = [p for p in self.peers if p.process == self.process and p.slot and not p.freed]
            self._keep(Counter(self.whose(p.user) for p in held), Counter(m.user for m in self.members))
        self._die()

    def _keep(self, left: Counter[str], there: Counter[str]) -> None:
        self._stored_slots += left
        self._stored_users += there
        if self.policy.t_heartbeat is not None:
            self.world.at(self.world.now + self.policy.t_heartbeat * 0.9, lambda: self._lapse(left, there))

    def _lapse(self, left: Counter[str], there: Counter[str]) -> None:
        self._stored_slots -= left
        self._stored_users -= there
        self.slots.subtract(left)
        assert not -self.slots, "a slot was given back twice"
        self._seen += [(self.world.now, user, -number) for user, number in there.items()]

    def shut_down(self, seconds: float, gives_up: bool) -> None:
        """SIGTERM: whoever is there may be told; then the process ends, and with it every connection of it."""
        if self.ways.says_goodbye and not gives_up:
            for peer in list(self.members):
                self.kick(peer, LEAVING)
        self.world.at(self.world.now + seconds, self._die)

    def _die(self) -> None:
        self.up = False
        for peer in self.peers:
            if peer.process == self.process:
                self.put(peer, ("cut",))
        self.members.clear()
        self.slots = Counter(self._stored_slots)
        self.peers.clear()
        self.handlers = 0
        self._bus = [[], []]
        self._known = [[], []]
        self._seen = [(self.world.now, user, number) for user, number in self._stored_users.items()]
        if self.ways.forgets_history:
            self._history.clear()
        if not self.ways.keeps_store:
            self._users_rooms.clear()

    def begin_again(self) -> None:
        """A new process, which knows nothing of the old one's connections."""
        self.process += 1
        self.up = True

    def unserved(self, peer: Peer, item: Item) -> None:
        """What comes for a process that is no more, or when there is none."""
        if item[0] in ("open", "msg", "sub", "unsub", "query", "close", "ping"):
            self.put(peer, ("cut",))
