"""Who is where: the connections of each user and the subscribers of each room, in the order of joining."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.hub.peer import Peer


class Registry:
    """Every change is one step without an await. The lists that ``members`` and ``subscribers`` answer are live."""

    def __init__(self) -> None:
        self.users: dict[str, list[Peer]] = {}
        self.rooms: dict[str, list[Peer]] = {}
        self._rooms_of: dict[Peer, list[str]] = {}

    def add(self, peer: Peer) -> None:
        """Make the connection a member of its user's group."""
        self.users.setdefault(peer.user, []).append(peer)

    def remove(self, peer: Peer) -> None:
        """Forget this connection everywhere; nothing happens if it is not there."""
        _take_out(self.users, peer.user, peer)
        for room in self._rooms_of.pop(peer, ()):
            _take_out(self.rooms, room, peer)

    def subscribe(self, peer: Peer, room: str) -> None:
        """Add to a room; once, however often it is asked."""
        if not self.is_subscribed(peer, room):
            self.rooms.setdefault(room, []).append(peer)
            self._rooms_of.setdefault(peer, []).append(room)

    def unsubscribe(self, peer: Peer, room: str) -> None:
        """Take out of a room; nothing happens if it is not in."""
        if self.is_subscribed(peer, room):
            _take_out(self.rooms, room, peer)
            self._rooms_of[peer].remove(room)

    def is_subscribed(self, peer: Peer, room: str) -> bool:
        """Whether the connection is in the room."""
        return room in self._rooms_of.get(peer, ())

    def rooms_of(self, peer: Peer) -> int:
        """In how many rooms the connection is."""
        return len(self._rooms_of.get(peer, ()))

    def members(self, user: str) -> list[Peer]:
        """The live list of a user's connections."""
        return self.users.get(user, [])

    def subscribers(self, room: str) -> list[Peer]:
        """The live list of a room's connections."""
        return self.rooms.get(room, [])

    def __len__(self) -> int:
        return sum(map(len, self.users.values()))

    def __iter__(self) -> Iterator[Peer]:
        return iter([peer for group in self.users.values() for peer in group])


def _take_out(groups: dict[str, list[Peer]], name: str, peer: Peer) -> None:
    group = groups.get(name)
    if group and peer in group:
        group.remove(peer)
        if not group:
            del groups[name]
