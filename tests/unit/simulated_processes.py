"""Two processes of the simulated hub with a bus between them: what one does the other hears of later, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated_world import STEP, Item, Peer, Task, Ways, World

from fuzzer.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

BUS = 0.1
EVICTED = 4009


class Processes:
    """The part of the hub that tells its other half."""

    world: World
    policy: Policy
    ways: Ways
    _bus: list[list[Item]]
    _known: list[list[Peer]]
    _spawn: Callable[[Task], None]
    kick: Callable[[Peer, int], None]
    whose: Callable[[str], str]
    _audience: Callable[[str, int], list[Peer]]
    _remember: Callable[[str, int, str], None]
    _fan_out: Callable[[Peer, str, str, list[Peer], float], Task]

    def _spread(self, peer: Peer, there: bool) -> None:
        """Its own process knows at once who came or went, the other one hears of it."""
        for home in (0, 1):
            self._spawn(self._knows(home, peer, there, soon=home == peer.home))

    def _knows(self, home: int, peer: Peer, there: bool, soon: bool) -> Task:
        yield 0.0 if soon else self.world.some(BUS)
        if there and peer.registered:
            self._known[home].append(peer)
            self._evict_known(home, peer.user)
        elif not there and peer in self._known[home]:
            self._known[home].remove(peer)

    def _evict_known(self, home: int, user: str) -> None:
        """The oldest of those that it knows go; who is with the other process is told so over the bus."""
        limit = self.policy.limit
        if limit is None or limit.over == "reject" or self.ways.bug == "one above":
            return
        mine = [m for m in self._known[home] if self.whose(m.user) == self.whose(user)]
        mine.sort(key=lambda m: m.since)
        if limit.over == "evict-any":
            self.world.rng.shuffle(mine)
        for old in mine[: max(len(mine) - limit.max, 0)]:
            if old.home == home:
                self.kick(old, EVICTED)
            else:
                self._spawn(self._kick_late(old, EVICTED))

    def _kick_late(self, old: Peer, code: int) -> Task:
        yield self.world.some(BUS)
        self.kick(old, code)

    def _tell_the_other(self, sender: Peer, msg: str, group: str) -> None:
        """The other process hears of it over the bus."""
        there = 1 - sender.home
        if self.ways.processes:
            self._bus[there].append((sender, msg, group))
            if len(self._bus[there]) == 1:
                self._spawn(self._listen(there))

    def _copies(self, peer: Peer, group: str) -> int:
        """One, or one for each subscription, and now and then once more."""
        each = peer.joins[group] if self.policy.subscriptions == "each" else 1
        return max(1, each) + (self.ways.sends_twice and self.world.rng.random() < 0.3)

    def _listen(self, home: int) -> Task:
        """What comes over the bus is passed on in its order."""
        while self._bus[home]:
            yield self.world.some(BUS)
            sender, msg, group = self._bus[home][0]
            self._remember(group, home, msg)
            yield from self._fan_out(sender, msg, group, self._audience(group, home), STEP)
            self._bus[home].pop(0)
