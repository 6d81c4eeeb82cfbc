"""What a history proves about every connection: three intervals, and which time was healthy (SPEC 2.1 and 3).

- *owed* ``[JE, X)``: the server must treat the connection as a member. Convicts losses and closes.
- *witnessed* ``[JE, LE]``: it provably was a member at every instant. Convicts over-admission.
- *possible* ``[open_inv, REL)``: it may hold a slot. Acquits refusals and evictions.

Witnessed lies inside the true membership, the true membership inside possible; a correct server's membership contains
owed. Rules convict only with owed or witnessed and acquit with possible: that is the whole soundness argument.
Precedence is decided by index; time only measures declared bounds, and only healthy time counts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from functools import cache, cached_property

from fuzzer.facts_ends import derive_end_causes
from fuzzer.facts_lateness import Lateness
from fuzzer.facts_owed import Owed
from fuzzer.facts_passing import Passing
from fuzzer.facts_progress import (
    came_out,
    held_up_until,
    last_heard,
    live_readers_of,
    requests_of,
    unseen_senders,
    was_behind,
)
from fuzzer.facts_reading import Notes
from fuzzer.facts_records import NEVER, Conn, Episode, Message
from fuzzer.facts_release import Release
from fuzzer.facts_replay import Replay
from fuzzer.facts_rooms import may_be_taken_out
from fuzzer.facts_slots import Slots
from fuzzer.facts_time import CONTROL_SPACING, LAG_THAT_SPOILS, HealthyClock
from fuzzer.history import Event, History, SrvClose, SrvRst, StopInv
from fuzzer.payload import ENVELOPE, widest
from fuzzer.policy import NO_CLOSE_FRAME

_width = cache(widest)


class Facts:
    """Computed once for a history and shared by all invariants."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.policy = history.policy
        self.events: tuple[Event, ...] = history.events
        notes = Notes(self.events, self.policy)
        self.conns = notes.conns
        self.messages = notes.messages
        self.sent = notes.sent
        self.deliveries = notes.deliveries
        self.joins = notes.joins
        self.phases = notes.phases
        self.failed_fences = notes.failed_fences
        self.strays, self.probes, self.logs, self.exits = notes.strays, notes.probes, notes.logs, notes.exits
        self.names, self.answers, self.frames = notes.names, notes.answers, notes.frames
        self.presence_is_pushed, self.refused = notes.presence_is_pushed, notes.refused
        self.unsubscribed, self.stops, self.bad = notes.unsubscribed, notes.stops, notes.bad
        self.outages, self.pauses, self.not_published = notes.outages, notes.pauses, notes.not_published
        self._controls = notes.controls
        self.clock = HealthyClock(notes.controls, notes.lags, self._standstills(notes))
        self._lateness = Lateness(self.policy, self.clock, self.events)
        self.users: dict[str, list[Conn]] = defaultdict(list)
        for conn in self.conns.values():
            self.users[conn.inv.user].append(conn)
            self._derive_membership(conn)
        self.release = Release(self)
        self.slots = Slots(self)
        self.replay = Replay(self)
        derive_end_causes(self)

    # ---- time ----------------------------------------------------------------------------------------------------

    def t(self, index: int) -> float:
        """The time of an event; infinite if it never came."""
        return self.events[index].t if index < len(self.events) else float("inf")

    def index_at(self, t: float) -> int:
        """The first event at ``t`` seconds or later; NEVER if there is none."""
        index = bisect_left(self.events, t, key=lambda event: event.t)
        return index if index < len(self.events) else NEVER

    def _standstills(self, notes: Notes) -> list[tuple[float, float]]:
        """When the server did not run because we had stopped it."""
        asked = [(stop, back) for stop, back in self.outages if isinstance(self.events[stop], StopInv)]
        return [(self.t(start), self.t(end)) for start, end in (*notes.pauses, *asked)]

    def healthy(self, start: float, end: float) -> float:
        """Seconds of ``[start, end]`` during which the server demonstrably answered."""
        return self.clock.healthy(start, end)

    def we_were_late(self, start: int, end: int) -> bool:
        """Did hubfuzz or the server stand still for so long that the server may have given a connection up for dead?"""
        return self._lateness.within(self.t(start), self.t(end))

    def may_have_stood_still(self, start: int, end: int) -> bool:
        """As ``we_were_late``, of a server that has a limit of its own for who is about to log in."""
        return self._lateness.stood_still(self.t(start), self.t(end)) or self.we_were_late(start, end)

    def may_be_given_up(self, conn: Conn, until: int) -> bool:
        """May a server that waits for its peers have taken this one for silent, wrongly and yet rightly?"""
        behind = was_behind(self, conn, until, self._lateness.patience)
        return behind or self.we_were_late(conn.open_inv, until)

    @cached_property
    def passing(self) -> Passing:
        """What goes through the queues of readers besides messages."""
        return Passing(self, self._controls)

    @cached_property
    def heard(self) -> dict[str, int]:
        """The last event that shows that the hub has just read something of this connection."""
        return last_heard(self)

    @cached_property
    def live_readers(self) -> dict[str, dict[str, int]]:
        """By message: who read it, and when, other than perhaps out of a store."""
        return {name: live_readers_of(self, message) for name, message in self.messages.items()}

    @cached_property
    def came_out(self) -> dict[str, list[int]]:
        """By message: when it was read."""
        return {name: came_out(self, message) for name, message in self.messages.items()}

    @cached_property
    def requests(self) -> dict[str, list[tuple[int, int]]]:
        """By connection: when it asked for something, and when that had surely been handled."""
        return {name: requests_of(self, conn) for name, conn in self.conns.items()}

    @cached_property
    def held_up(self) -> dict[str, int]:
        """Until when the hub may have been passing on what a connection had sent to one that did not read; or -1."""
        return {name: held_up_until(self, conn) for name, conn in self.conns.items()}

    @cached_property
    def unseen(self) -> frozenset[str]:
        """The connections that have sent something of which nothing shows that the hub has come to it."""
        return unseen_senders(self)

    @cached_property
    def drain(self) -> int:
        """Where we began to close everything."""
        return next((i for i, name in self.phases if name == "drain"), NEVER)

    # ---- connections ---------------------------------------------------------------------------------------------

    def of_user(self, user: str) -> list[Conn]:
        """All connections of a user, in the order of their opening."""
        return self.users.get(user, [])

    def surely_released(self, conn: Conn, at: float, since: float = 0.0) -> bool:
        """Has ``conn`` surely held no slot at ``at`` for ``since`` seconds? (REL of SPEC 2.1, in healthy time)"""
        return self.release.surely(conn, at, since)

    def possible_others(self, conn: Conn, upto: int, at: float) -> list[Conn]:
        """Connections of the plan that may hold a slot of the same limit while ``conn`` was being decided."""
        others = [c for c in self.slots.sharing(conn) if c is not conn and c.open_inv < upto]
        return [c for c in others if not self.surely_released(c, at)]

    # ---- messages ------------------------------------------------------------------------------------------------

    @cached_property
    def messages_owed(self) -> Owed:
        """What the hub owes to whom, and what of it may have come in a form that cannot be read."""
        return Owed(self)

    @property
    def owed(self) -> list[tuple[Message, Conn]]:
        """(m, c): the hub owes m to c, as far as a loss can be shown."""
        return self.messages_owed.pairs

    def publishes(self, sender: Conn, message: Message) -> bool:
        """The sender was itself a member, so that the hub had to take its message."""
        ended = min(sender.first_fault, *(sender.causes[kind] for kind in ("expiry", "stop", "rate")))
        if not sender.honest or ended <= message.inv or self.passing.may_be_refused(message):
            return False
        return self.means(message.group) and self.is_in(sender, message)

    def is_in(self, conn: Conn, message: Message) -> bool:
        """Is it surely in the group? The late leaving of another connection may take its session out of a room."""
        stay = conn.stay(message.group, message.inv)
        return stay is not None and not may_be_taken_out(stay, self.mates(conn))

    def means(self, group: str) -> bool:
        """Does the policy say who is in this group? Where groups are rooms, a message to no room is undefined."""
        return self.policy.group != "room" or group.startswith("room:")

    def may_be_oversize(self, message: Message) -> bool:
        """May its frame exceed ``max_size`` bytes? With every character escaped; one no larger than a fence may not."""
        most, weight = self.policy.max_size, message.size * self.width(message)
        return most is not None and weight > self.policy.own_size and weight + ENVELOPE > most

    def width(self, message: Message) -> int:
        """The most bytes that one character of its body can become."""
        return _width(self.passing.fill(message) or "unicode")  # the widest

    def may_be_history(self, message: Message, conn: Conn, at: int) -> bool:
        """May what was read at ``at`` be an old message that a hub reads out to who joins? (SPEC 2.2, MAY 5)

        Not if the stay was proved before the message was sent, and no subscription was still open then.
        """
        episodes = conn.episodes.get(message.group, ())
        proved = any(max(e.je, e.owed_from) < message.inv for e in episodes[:1])
        return not proved or self.rejoined(message, conn, at)

    def rejoined(self, message: Message, conn: Conn, at: int) -> bool:
        """Did ``conn`` join the room again before ``at``, and not surely before ``message`` was sent?

        Or for the first time, if it had published there before that, and was answered with a copy.

        A subscription is surely handled when it was answered, or when a message that the same connection sent
        after it was delivered to anybody. That of another connection of its session may be answered to the newest.
        """
        asked = [(c, s) for c in self.session_of(conn) for s in c.subscriptions.get(message.group, ())]
        copied = message.conn == conn.name and any(s.inv > message.inv for _, s in asked[:1])
        first = [] if copied or self.inherits(conn, message.group) else asked[:1]
        again = [(c, s) for c, s in asked if s.inv < at and (c, s) not in first]
        return any(min(s.answered, self.heard_since(c, s.inv, message.group)) > message.inv for c, s in again)

    def heard_since(self, conn: Conn, index: int, group: str | None = None) -> int:
        """When somebody first got a message that it sent after ``index``: the hub has handled what came before it.

        Where rooms live in different processes, only a message to the ``group`` shows that for what concerns it."""
        if self.policy.order == "none":  # what was asked later may be done sooner
            return NEVER
        mine = (m for m in self.messages.values() if m.conn == conn.name and group in (None, m.group))
        return min((i for m in mine if m.inv > index for i in m.got.values()), default=NEVER)

    # ---- membership (JE, LE) -------------------------------------------------------------------------------------

    def _derive_membership(self, conn: Conn) -> None:
        """A connection is taken on when it is a member anywhere; by dial, when its 101 was read, or t_join later."""
        stays = [stay for stays in conn.episodes.values() for stay in stays]
        conn.je = min(stay.je for stay in stays)
        conn.le = max(stay.le for stay in stays)
        if self.policy.join_evidence == "handshake" and not self._refused_after_101(conn):
            own = stays[0]
            own.je = min(own.je, self._joined_by_handshake(conn))
            conn.je = min(conn.je, own.je)

    def _refused_after_101(self, conn: Conn) -> bool:
        """A limit may also be told by a close code: before better evidence that is a refusal (SPEC 2.5, *late*)."""
        limit = self.policy.limit
        if limit is None or conn.server_end == NEVER or conn.server_end > conn.je:
            return False
        event = self.events[conn.server_end]
        if isinstance(event, SrvRst):  # which may have swallowed the Close
            return bool(limit.codes) and limit.over == "reject"
        return (event.code if isinstance(event, SrvClose) else NO_CLOSE_FRAME) in limit.codes

    def _joined_by_handshake(self, conn: Conn) -> int:
        if conn.open_ok == NEVER or not self.policy.t_join:
            return conn.open_ok
        return self.index_at(self.clock.when(self.t(conn.open_ok), self.policy.t_join))

    def session_of(self, conn: Conn) -> list[Conn]:
        """``conn``, and those whose rooms may be its own: whose session it may have taken over, or all of its user."""
        return self.of_user(conn.inv.user) if self.policy.rooms == "user" else self._session(conn)

    def _session(self, conn: Conn) -> list[Conn]:
        if self.policy.sessions != "takeover" or conn.inv.session is None:
            return [conn]
        return [c for c in self.of_user(conn.inv.user) if c.inv.session == conn.inv.session]

    def mates(self, conn: Conn) -> list[Conn]:
        """The other connections whose rooms may be its own."""
        return [mate for mate in self.session_of(conn) if mate is not conn]

    def inherits(self, conn: Conn, group: str) -> bool:
        """May it be in a group by its session, without having asked? Its own one (what it missed there may be kept for
        it) only if the session was there before."""
        mates = (mate for mate in self.mates(conn) if group.startswith("room:") or mate.open_inv < conn.open_inv)
        return any(group in mate.episodes for mate in mates)

    def born(self, conn: Conn) -> int:
        """From when on it may count as there: who takes a session over may inherit its age."""
        return min(c.open_inv for c in self._session(conn))


__all__ = ["CONTROL_SPACING", "LAG_THAT_SPOILS", "NEVER", "Conn", "Episode", "Facts", "HealthyClock", "Message"]
