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
    _history: dict[str, list[Item]]
    _leaked: bool
    _write: Callable[[Peer, Item], None]
    _spawn: Callable[[Task], None]
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
        if not peer.closing:
            peer.closing = True
            self._write(peer, ("close", code))
        if not self.ways.waits_for_tcp:
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

    def arrive(self, peer: Peer, item: Item) -> None:
        raise NotImplementedError

    def _deregister(self, peer: Peer) -> None:
        if peer.registered:
            peer.registered = False
            self.members.remove(peer)
            self._note(peer, -1)

    def _note(self, peer: Peer, change: int) -> None:
        self._seen.append((self.world.now, peer.user, change))

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
            self.slots[self.whose(peer.user)] -= 1

    def whose(self, user: str) -> str:
        """By whose limit a user's connections count: its own, or everybody's."""
        limit = self.policy.limit
        return "" if limit is not None and limit.shared else user

    # ---- the process ---------------------------------------------------------------------------------------------

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
        self.slots.clear()
        self.peers.clear()
        self.handlers = 0
        self._seen.clear()
        if self.ways.forgets_history:
            self._history.clear()

    def begin_again(self) -> None:
        """A new process, which knows nothing of the old one's connections."""
        self.process += 1
        self.up = True

    def unserved(self, peer: Peer, item: Item) -> None:
        """What comes for a process that is no more, or when there is none."""
        if item[0] in ("open", "msg", "sub", "unsub", "query", "close"):
            self.put(peer, ("cut",))
