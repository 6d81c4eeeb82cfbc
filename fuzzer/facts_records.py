"""What is noted of each connection, stay and message while a history is read once, in order. All are event indices.

Evidence is taken as late as it can be: an answer that could belong to an earlier request is given to the earlier one,
and a delivery that could be a replay of history proves no membership. Late evidence costs misses, never accusations.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fuzzer.history import DropInv, OpenInv

NEVER = 1 << 60


@dataclass(slots=True)
class Episode:
    """One stay of a connection in a group; ``begin`` is its invocation, ``end`` the unsubscription (or NEVER).

    ``je``: the first event that only a member can cause. ``le``: the last sending of which it was in the audience.
    ``heard``: the first delivery, to anybody, of something that the connection sent after ``begin``. ``owed_from``:
    nothing is owed to it before, even if it was a member somewhere: a hub of several processes may be late elsewhere.
    ``asked``: else it may be there because it has published (``policy.publish_joins``), which proves nothing.
    """

    conn: str
    group: str
    begin: int
    je: int = NEVER
    heard: int = NEVER
    end: int = NEVER
    le: int = -1
    owed_from: int = -1
    asked: bool = True


@dataclass(slots=True)
class Subscription:
    """One request to join a room, and the answer to it, yes or no; of equal requests the first is answered first."""

    inv: int
    episode: Episode
    answered: int = NEVER


@dataclass(slots=True)
class Leave:
    """One request to leave a room, and the answer to it; of equal requests the first is answered first."""

    inv: int
    answered: int = NEVER


@dataclass(slots=True)
class Question:
    """One question who is present, and its answer. ``mixed``: the answer may be that to another question."""

    inv: int
    conn: str
    answered: int = NEVER
    users: tuple[str, ...] = ()
    mixed: bool = False


@dataclass(slots=True)
class Conn:
    """Everything that happened to one connection. ``x``: from there on the server may drop it; ``causes``: why.

    ``crowded``: spans in which so much may have waited for it that a hub may take it for a slow reader.
    ``spoke``: when it sent anything that a server must notice. ``besides``: when it read a frame that nothing else is
    known of. ``close_late``: when we gave up an unanswered Close.
    """

    name: str
    inv: OpenInv
    open_inv: int
    open_ok: int = NEVER
    rejected: int = NEVER
    close_inv: int = NEVER
    close_ok: int = NEVER
    close_late: int = NEVER
    tcp_closed: int = NEVER
    drops: list[tuple[int, DropInv]] = field(default_factory=list)
    faults: list[tuple[int, int, str]] = field(default_factory=list)
    server_end: int = NEVER
    crowded: tuple[tuple[int, int], ...] = ()
    x: int = NEVER
    causes: dict[str, int] = field(default_factory=dict)
    spoke: list[int] = field(default_factory=list)
    besides: list[int] = field(default_factory=list)
    je: int = NEVER
    le: int = -1
    episodes: dict[str, list[Episode]] = field(default_factory=dict)
    subscriptions: dict[str, list[Subscription]] = field(default_factory=dict)
    leaves: dict[str, list[Leave]] = field(default_factory=dict)

    @property
    def honest(self) -> bool:
        """Its token is one that the hub must take, if only until it expires."""
        return self.inv.token == "valid" or (self.inv.token == "brief" and self.inv.expires is not None)

    @property
    def owed_until(self) -> int:
        """As ``x``, but for a backlog: one who is taken for slow is closed, or misses what does not fit, no more."""
        ends = (index for kind, index in self.causes.items() if kind != "backlog")
        return min(ends) if self.honest else self.open_inv

    @property
    def own_cause(self) -> int:
        """From when on the server may end it for its own sake, not to make room for another.

        A correct hub may take it off its lists then, and stop the deliveries a moment later.
        """
        return min(index for kind, index in self.causes.items() if kind != "evict")

    def was_crowded(self, start: int, end: int) -> bool:
        """May too much have waited for it at any moment of ``[start, end]``?"""
        return any(a <= end and b > start for a, b in self.crowded)

    @property
    def first_fault(self) -> int:
        """When it first stopped being a well-behaved reader."""
        return min((start for start, _, _ in self.faults), default=NEVER)

    @property
    def first_drop(self) -> int:
        """When it first went away without a Close."""
        return self.drops[0][0] if self.drops else NEVER

    @property
    def let_go(self) -> int:
        """When the server could begin to notice that it went away; never, if it only vanished."""
        return next((i for i, drop in reversed(self.drops) if drop.how != "vanish"), NEVER)

    def only_cause(self, cause: str, at: int) -> bool:
        """Is this the one thing that gave the server a right to end it before ``at``?"""
        return self.honest and [kind for kind, index in self.causes.items() if index < at] == [cause]

    @property
    def garbage(self) -> list[int]:
        """When it sent malformed bytes: a hub hears of it by them, too, and may count them as a message."""
        return [start for start, _, kind in self.faults if kind.startswith("malformed:")]

    def garbled(self, index: int) -> bool:
        """Had it sent malformed bytes before ``index``? What the hub then makes of later bytes is undefined."""
        return any(start < index and kind.startswith("malformed") for start, _, kind in self.faults)

    def deaf_since(self, at: int) -> int:
        """Since when it has not been reading at ``at``; NEVER if it reads."""
        stalls = (start for start, end, kind in self.faults if kind == "stall" and start < at < end)
        vanished = (i for i, drop in self.drops if drop.how == "vanish" and i < at)
        return min((*stalls, *vanished), default=NEVER)

    @property
    def deaf(self) -> list[tuple[int, int]]:
        """When it did not read: while it stalled, and from when it vanished until we let its socket go."""
        stalls = [(start, end) for start, end, kind in self.faults if kind == "stall"]
        return stalls + [(i, self.let_go) for i, drop in self.drops if drop.how == "vanish"]

    def was_deaf(self, start: int, end: int) -> bool:
        """Did it not read at any moment of ``[start, end]``?"""
        stalls = ((a, b) for a, b, kind in self.faults if kind == "stall")
        return self.deaf_since(end) < end or any(a < end and b > start for a, b in stalls)

    def stay(self, group: str, index: int) -> Episode | None:
        """The stay that provably had begun, and that nobody had begun to end, at ``index``."""
        for episode in self.episodes.get(group, ()):
            if max(episode.je, episode.owed_from) < index < episode.end:
                return episode
        return None


@dataclass(slots=True)
class Message:
    """One published message; ``got`` has the first delivery on each connection."""

    name: str
    conn: str
    group: str
    inv: int
    size: int
    fence: bool
    ok: int = NEVER
    got: dict[str, int] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    heaviest: int = 0
