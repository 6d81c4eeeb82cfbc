"""Simulated time, and the allowed ways to be a hub."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Protocol

Task = Iterator[float]
Item = tuple[Any, ...]
Span = tuple[float, float]

NET = 0.02
STEP = 0.004


class World:
    """Spans in which the server, or the driver, does not run; ``outages``: no server process is there at all."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.now = 0.0
        self.pauses: list[Span] = []
        self.freezes: list[Span] = []
        self.outages: list[Span] = []
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
        return _after(self.pauses, t)

    def driver(self, t: float) -> float:
        """When the driver can next act."""
        return _after(self.freezes, t)

    def served(self, start: float, end: float) -> bool:
        """Was one server process there all the while?"""
        return not any(a < end and b > start for a, b in self.outages)

    def spawn(self, task: Task, awake: Callable[[float], float], alive: Callable[[], bool] = lambda: True) -> None:
        """Run a generator that yields the seconds to wait; it ends with the process that it belongs to."""

        def step() -> None:
            resumed = awake(self.now)
            if resumed > self.now:  # it was stopped while this was due
                self.at(resumed, step)
                return
            pause = next(task, None) if alive() else None
            if pause is not None:
                self.at(awake(self.now + pause), step)

        self.at(awake(self.now), step)

    def some(self, most: float) -> float:
        """A delay: often none at all."""
        return 0.0 if self.rng.random() < 0.5 else self.rng.random() * most


def _after(spans: list[Span], t: float) -> float:
    while (end := next((end for start, end in spans if start <= t < end), t)) > t:
        t = end
    return t


@dataclass
class Ways:
    """In which of the allowed ways this hub behaves, and the one wrong thing that it does (``bug``)."""

    welcomes: bool = True
    joins_before_101: bool = False
    refuses_by_close: bool = False
    echoes: bool = True
    task_per_message: bool = False
    atomic: bool = False  # a broadcast is written to all in one step: one order for everybody
    sends_twice: bool = False
    replays: bool = False
    reads_out_early: bool = False  # history first, and only after a while it registers who joins
    disconnects_slow: bool = False
    heartbeat: bool = False
    ignores_malformed: bool = False
    outsiders_may_send: bool = True
    counts_joins: bool = False  # who has joined a room twice must leave it twice
    ends_expired: bool = False
    closes_expired: bool = False
    closes_idle: bool = False
    waits_for_tcp: bool = False
    chats: bool = False  # receipts and notices that nobody asked for
    says_goodbye: bool = False
    closes_old: bool = False
    minds_talkers: bool = False
    forgets_history: bool = False
    evicts_late: bool = False  # another process has to be told
    keeps_store: bool = False  # slots and presence are kept elsewhere, and outlive a process that is killed
    tells_rooms: bool = False  # who joins or leaves a room is told to all in it, in the words of the answer
    tells_presence: bool = False  # unasked, whenever it changes
    shares_rooms: bool = False  # the rooms are the session's
    processes: bool = False  # two, with a bus between them
    broadcasts_roomless: bool = False
    cuts_big: bool = False
    shuts_out: bool = False  # who speaks to a room that it is not in
    copies: bool = False  # who publishes gets a copy wherever it goes
    users_rooms: bool = False  # a user is in rooms, with all of its connections
    publishing_joins: bool = False  # who speaks in a room that it is not in is in it then
    plain_only: bool = False  # bodies that are no plain text are not taken
    says_no: bool = False  # of what it does not take it tells the sender, and there is more that it does not take
    names_refused: bool = False  # and says which message that was
    hangs_up: bool = False  # it ends TCP in answer to a Close
    queue: int = 0  # so many messages may be on their way to one reader; 0: as many as there are
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
    expires: float | None = None
    process: int = 0
    home: int = 0
    since: float = 0.0
    inbox: list[Item] = field(default_factory=list)
    busy: bool = False
    accepted: bool = False
    registered: bool = False
    slot: bool = False
    closing: bool = False  # a Close frame is on its way: nothing may follow it
    lost: bool = False
    released: bool = False
    freed: bool = False
    expired: bool = False
    rooms: set[str] = field(default_factory=set)
    joins: Counter[str] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    unread: int = 0
    waiting: int = 0
    heard: float = 0.0
    last_arrival: float = 0.0
