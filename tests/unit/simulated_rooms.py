"""Rooms of the simulated hub: who asks to be in one, who is taken out of it, and to whom that is told."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from simulated_world import STEP, Item, Peer, Task, Ways, World

from fuzzer.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

JOIN = 0.1
OUT_OF_TURN = 4408


class Rooms:
    """The part of the hub that keeps them."""

    world: World
    policy: Policy
    ways: Ways
    members: list[Peer]
    _users_rooms: dict[str, tuple[set[str], Counter[str]]]
    _write: Callable[[Peer, Item], None]
    _spawn: Callable[[Task], None]
    _read_out: Callable[[Peer, str], None]
    kick: Callable[[Peer, int], None]

    def _bring_in(self, peer: Peer) -> None:
        """Where users are in rooms, who comes is in those of its user; all that left may have been forgotten."""
        if not self.ways.users_rooms:
            return
        if not any(m.user == peer.user for m in self.members) and self.world.rng.random() < 0.5:
            self._users_rooms.pop(peer.user, None)
        peer.rooms, peer.joins = self._users_rooms.setdefault(peer.user, (set(), Counter()))
        for group in sorted(peer.rooms):
            self._read_out(peer, group)

    def _walk_in(self, peer: Peer, group: str) -> None:
        """By speaking there."""
        full = self.policy.max_rooms is not None and len(peer.rooms) >= self.policy.max_rooms
        if self.ways.publishing_joins and group.startswith("room:") and group not in peer.rooms and not full:
            self._read_out(peer, group)
            peer.rooms.add(group)
            peer.joins[group] += 1

    def _minds_turns(self, peer: Peer, group: str) -> bool:
        """One request for a room at a time, and nothing else there before the answer: who does otherwise is closed."""
        if group in peer.pending:
            self.kick(peer, OUT_OF_TURN)
            return True
        return False

    def _on_sub(self, peer: Peer, group: str) -> Task:
        yield self.world.some(STEP)
        if self.policy.subscriptions != "single":
            yield from self._join(peer, group)
        elif not self._minds_turns(peer, group) and self._is_asked(peer, group):
            self.kick(peer, OUT_OF_TURN)
        elif not peer.closing:
            peer.asked.add(group)
            peer.pending.add(group)
            self._spawn(self._join_meanwhile(peer, group))

    def _is_asked(self, peer: Peer, group: str) -> bool:
        return group in peer.asked or (self.ways.users_rooms and group in peer.rooms)

    def _join_meanwhile(self, peer: Peer, group: str) -> Task:
        """The connection goes on reading, so that it could speak too early."""
        yield self.world.some(JOIN)
        yield from self._join(peer, group)
        peer.pending.discard(group)

    def _join(self, peer: Peer, group: str) -> Task:
        if group not in peer.rooms and not peer.expired:
            self._read_out(peer, group)
            yield self.world.some(JOIN) if self.ways.reads_out_early else 0.0
        most = self.policy.max_rooms
        if most is not None and group not in peer.rooms and len(peer.rooms) >= most:
            peer.asked.discard(group)
            self._write(peer, ("not_joined", group))
            return
        peer.rooms.add(group)
        peer.joins[group] += 1
        self._write(peer, ("joined", group))
        self._tell(peer, group, "joined")

    def _on_unsub(self, peer: Peer, group: str) -> Task:
        yield self.world.some(STEP)
        if self._minds_turns(peer, group):
            return
        for one in [m for m in self.members if m.user == peer.user] if self.ways.users_rooms else [peer]:
            one.asked.discard(group)
        peer.joins[group] = max(peer.joins[group] - 1, 0) if self.ways.counts_joins else 0
        if not peer.joins[group]:
            peer.rooms.discard(group)
        self._write(peer, ("unsubscribed", group))
        self._tell(peer, group, "unsubscribed")

    def _tell(self, peer: Peer, group: str, what: str) -> None:
        for mate in self.members if self.ways.tells_rooms else ():
            if mate is not peer and group in mate.rooms:
                self._write(mate, (what, group))
