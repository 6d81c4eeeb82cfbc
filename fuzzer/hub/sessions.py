"""Session takeover: the newest connection of a user's session is the session; the older one is closed."""

from __future__ import annotations

from fuzzer.hub.peer import Peer

TAKEN_OVER = 4409


class Sessions:
    """A session id belongs to one user: two users with the same id have two sessions."""

    def __init__(self) -> None:
        self.current: dict[tuple[str, str], Peer] = {}

    def take_over(self, peer: Peer) -> None:
        """Make the connection its session's own; the older one, if any, ends and its slot is free at once."""
        if peer.session is None:
            return
        older = self.current.get((peer.user, peer.session))
        self.current[peer.user, peer.session] = peer
        if older is not None:
            older.close(TAKEN_OVER, "this session was opened elsewhere")
            older.hub.lifecycle.leave(older)

    def forget(self, peer: Peer) -> None:
        """The connection is over; if a newer one has the session, that one keeps it."""
        if peer.session is not None and self.current.get((peer.user, peer.session)) is peer:
            del self.current[peer.user, peer.session]
