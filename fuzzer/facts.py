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
from dataclasses import dataclass, field
from functools import cached_property

from fuzzer.history import (
    CloseInv,
    CloseOk,
    Control,
    Dlv,
    DropInv,
    Event,
    FaultEnd,
    FaultInv,
    History,
    Joined,
    Lag,
    OpenInv,
    OpenOk,
    OpenRej,
    Phase,
    Quiet,
    SendInv,
    SendOk,
    SrvBad,
    SrvClose,
    SrvEof,
    SrvRst,
    SubInv,
    TcpClosed,
    UnsubInv,
)

NEVER = 1 << 60
CONTROL_SPACING = 0.5
LAG_THAT_SPOILS = 0.1

ServerEnd = SrvClose | SrvEof | SrvRst | SrvBad


@dataclass(slots=True)
class Episode:
    """One stay of a connection in a group; ``begin`` is its invocation, ``end`` the unsubscription (or NEVER)."""

    conn: str
    group: str
    begin: int
    je: int = NEVER
    end: int = NEVER
    le: int = -1


@dataclass(slots=True)
class Conn:
    """Everything that happened to one connection, as event indices."""

    name: str
    inv: OpenInv
    open_inv: int
    open_ok: int = NEVER
    rejected: int = NEVER
    close_inv: int = NEVER
    close_ok: int = NEVER
    tcp_closed: int = NEVER
    drops: list[int] = field(default_factory=list)
    faults: list[tuple[int, int, str]] = field(default_factory=list)
    server_end: int = NEVER
    x: int = NEVER
    episodes: dict[str, list[Episode]] = field(default_factory=dict)
    unanswered: dict[str, list[Episode]] = field(default_factory=dict)

    @property
    def first_fault(self) -> int:
        """When it first stopped being a well-behaved reader."""
        return min((start for start, _, _ in self.faults), default=NEVER)


@dataclass(slots=True)
class Message:
    """One published message."""

    name: str
    conn: str
    group: str
    inv: int
    size: int
    fence: bool
    ok: int = NEVER
    got: dict[str, int] = field(default_factory=dict)


class Facts:
    """Computed once for a history and shared by all invariants."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.policy = history.policy
        self.events: tuple[Event, ...] = history.events
        self.conns: dict[str, Conn] = {}
        self.messages: dict[str, Message] = {}
        self.sent: dict[tuple[str, str], list[Message]] = defaultdict(list)
        self.phases: list[tuple[int, str]] = []
        self.failed_fences: list[int] = []
        for index, event in enumerate(self.events):
            step = _STEPS.get(type(event))
            if step is not None:
                step(self, index, event)
        self._derive_end_causes()

    # ---- time ----------------------------------------------------------------------------------------------------

    def t(self, index: int) -> float:
        """The time of an event; infinite if it never came."""
        return self.events[index].t if index < len(self.events) else float("inf")

    @cached_property
    def healthy_spans(self) -> list[tuple[float, float]]:
        """Stretches of time that lie between close, quick answers of the control pair and hold no lag of our own."""
        lags = [(e.t - e.seconds, e.t) for e in self.events if isinstance(e, Lag) and e.seconds > LAG_THAT_SPOILS]
        spans: list[tuple[float, float]] = []
        last: float | None = None
        for event in self.events:
            if not isinstance(event, Control):
                continue
            quick = event.ok and event.t - event.since <= CONTROL_SPACING
            if quick and last is not None and event.t - last <= CONTROL_SPACING and not _spoiled(last, event.t, lags):
                spans.append((last, event.t))
            last = event.t if quick else None
        return spans

    def healthy(self, start: float, end: float) -> float:
        """Seconds of ``[start, end]`` during which the server demonstrably answered."""
        spans = self.healthy_spans
        first = max(bisect_left(spans, (start, start)) - 1, 0)
        return sum(max(0.0, min(b, end) - max(a, start)) for a, b in spans[first:] if a < end)

    def controls_begun_after(self, start: float, end: float) -> int:
        """How many good round trips of the control pair lie wholly in ``[start, end]``."""
        return sum(1 for e in self.events if isinstance(e, Control) and e.ok and e.since >= start and e.t <= end)

    # ---- connections ---------------------------------------------------------------------------------------------

    def group_of(self, conn: Conn) -> str:
        """The group that a connection is in by itself."""
        return "all" if self.policy.group == "all" else f"user:{conn.inv.user}"

    def je(self, conn: Conn) -> int:
        """Join evidence in its own group."""
        episodes = conn.episodes.get(self.group_of(conn))
        return episodes[0].je if episodes else NEVER

    def le(self, conn: Conn) -> int:
        """Life evidence in its own group."""
        episodes = conn.episodes.get(self.group_of(conn))
        return episodes[0].le if episodes else -1

    def episode_at(self, conn: Conn, group: str, index: int) -> Episode | None:
        """The stay that provably had begun, and that nobody had begun to end, at ``index``."""
        for episode in conn.episodes.get(group, ()):
            if episode.je < index < episode.end:
                return episode
        return None

    def of_user(self, user: str) -> list[Conn]:
        """All connections of a user, in the order of their opening."""
        return [c for c in self.conns.values() if c.inv.user == user]

    def drain(self) -> int:
        """Where we began to close everything."""
        return next((i for i, name in self.phases if name == "drain"), NEVER)

    def surely_released(self, conn: Conn, at: float) -> bool:
        """Is it sure that ``conn`` holds no slot any more at time ``at``? (REL of SPEC 2.1, in healthy time)"""
        end, bound = self._end_and_bound(conn)
        return end != NEVER and self.t(end) <= at and self.healthy(self.t(end), at) >= bound

    def _end_and_bound(self, conn: Conn) -> tuple[int, float]:
        gone = [i for i in conn.drops if self._lets_go(i)]
        if conn.close_ok != NEVER:
            return conn.close_ok, self.policy.t_release
        if gone:
            return gone[-1], self.policy.t_detect
        if conn.rejected != NEVER:
            return conn.rejected, self.policy.t_release
        if conn.server_end != NEVER:
            return conn.tcp_closed, self.policy.t_release
        return NEVER, 0.0

    def _lets_go(self, index: int) -> bool:
        event = self.events[index]
        return isinstance(event, DropInv) and event.how != "vanish"

    def possible_others(self, conn: Conn, upto: int, at: float) -> list[Conn]:
        """Connections of the same user that may hold a slot while ``conn`` was being decided."""
        others = [c for c in self.of_user(conn.inv.user) if c is not conn and c.open_inv < upto]
        return [c for c in others if not self.surely_released(c, at)]

    # ---- end causes (X) ------------------------------------------------------------------------------------------

    def _derive_end_causes(self) -> None:
        for conn in self.conns.values():
            causes = [conn.close_inv, conn.first_fault, *conn.drops[:1], self._taken_over(conn), self._oversize(conn)]
            conn.x = conn.open_inv if conn.inv.token != "valid" else min(causes)
        limit = self.policy.limit
        if limit is not None and limit.over == "evict-oldest":
            for user in {c.inv.user for c in self.conns.values()}:
                self._possible_evictions(self.of_user(user), limit.max)

    def _taken_over(self, conn: Conn) -> int:
        """A later opening with the same session has the right to replace this one."""
        if self.policy.sessions != "takeover" or conn.inv.session is None:
            return NEVER
        later = (
            c.open_inv
            for c in self.of_user(conn.inv.user)
            if c.inv.session == conn.inv.session and c is not conn and self._may_follow(conn, c)
        )
        return min(later, default=NEVER)

    def _may_follow(self, conn: Conn, other: Conn) -> bool:
        """Handled after ``conn``? Openings that overlap may be handled in either order."""
        return other.open_inv > conn.open_inv or self.je(other) > conn.open_inv

    def _oversize(self, conn: Conn) -> int:
        most = self.policy.max_size
        if most is None:
            return NEVER
        return min((m.inv for m in self.messages.values() if m.conn == conn.name and m.size > most), default=NEVER)

    def _possible_evictions(self, conns: list[Conn], limit: int) -> None:
        """SPEC 2.6: the first index where too many may be there and too few of them are surely older."""
        for newest in conns:
            index, at = newest.open_inv, self.t(newest.open_inv)
            there = [c for c in conns if c.open_inv <= index and not self.surely_released(c, at)]
            for conn in there:
                older = sum(1 for c in there if self.je(c) < conn.open_inv)
                if len(there) > limit and older < len(there) - limit:
                    conn.x = min(conn.x, max(index, conn.open_inv))


def _spoiled(start: float, end: float, lags: list[tuple[float, float]]) -> bool:
    return any(a < end and b > start for a, b in lags)


# ---- one step an event -------------------------------------------------------------------------------------------


def _open_inv(facts: Facts, i: int, e: OpenInv) -> None:
    conn = facts.conns[e.conn] = Conn(e.conn, e, i)
    group = facts.group_of(conn)
    conn.episodes[group] = [Episode(e.conn, group, i)]


def _open_ok(facts: Facts, i: int, e: OpenOk) -> None:
    conn = facts.conns[e.conn]
    conn.open_ok = i
    if facts.policy.join_evidence == "handshake" and facts.policy.t_join == 0:
        _joined_group(conn, facts.group_of(conn), i)


def _joined(facts: Facts, i: int, e: Joined) -> None:
    """The k-th answer belongs to the k-th subscription; if the hub answers fewer, evidence comes later, never early."""
    conn = facts.conns[e.conn]
    waiting = conn.unanswered.get(e.group, [])
    if waiting:
        episode = waiting.pop(0)
        episode.je = min(episode.je, i)
    elif not e.group.startswith("room:"):
        _joined_group(conn, e.group, i)


def _joined_group(conn: Conn, group: str, i: int) -> None:
    for episode in conn.episodes.get(group, [])[:1]:
        episode.je = min(episode.je, i)


def _sub_inv(facts: Facts, i: int, e: SubInv) -> None:
    group = f"room:{e.room}"
    conn = facts.conns[e.conn]
    episodes = conn.episodes.setdefault(group, [])
    if not episodes or episodes[-1].end != NEVER:
        episodes.append(Episode(e.conn, group, i))
    conn.unanswered.setdefault(group, []).append(episodes[-1])


def _unsub_inv(facts: Facts, i: int, e: UnsubInv) -> None:
    for episode in facts.conns[e.conn].episodes.get(f"room:{e.room}", [])[-1:]:
        episode.end = min(episode.end, i)


def _send_inv(facts: Facts, i: int, e: SendInv) -> None:
    message = facts.messages[e.msg] = Message(e.msg, e.conn, e.group, i, e.size, e.fence)
    facts.sent[e.conn, e.group].append(message)


def _send_ok(facts: Facts, i: int, e: SendOk) -> None:
    facts.messages[e.msg].ok = i


def _dlv(facts: Facts, i: int, e: Dlv) -> None:
    message = facts.messages.get(e.msg)
    conn = facts.conns.get(e.conn)
    if message is None or conn is None:
        return
    message.got.setdefault(e.conn, i)
    episodes = conn.episodes.get(message.group, [])
    if len(episodes) == 1:  # after a second subscription a late delivery may still belong to the first
        episodes[0].je = min(episodes[0].je, i)
        episodes[0].le = max(episodes[0].le, message.inv)


def _quiet(facts: Facts, i: int, e: Quiet) -> None:
    if not e.complete:
        facts.failed_fences.append(i)


def _server_end(facts: Facts, i: int, e: ServerEnd) -> None:
    conn = facts.conns[e.conn]
    conn.server_end = min(conn.server_end, i)


def _fault_end(facts: Facts, i: int, e: FaultEnd) -> None:
    conn = facts.conns[e.conn]
    conn.faults = [(a, i if b == NEVER and k == e.kind else b, k) for a, b, k in conn.faults]


def _set(name: str):  # type: ignore[no-untyped-def]
    def step(facts: Facts, i: int, e: OpenRej | CloseInv | CloseOk | TcpClosed) -> None:
        setattr(facts.conns[e.conn], name, min(getattr(facts.conns[e.conn], name), i))

    return step


_STEPS = {
    OpenInv: _open_inv,
    OpenOk: _open_ok,
    OpenRej: _set("rejected"),
    Joined: _joined,
    SubInv: _sub_inv,
    UnsubInv: _unsub_inv,
    SendInv: _send_inv,
    SendOk: _send_ok,
    Dlv: _dlv,
    CloseInv: _set("close_inv"),
    CloseOk: _set("close_ok"),
    TcpClosed: _set("tcp_closed"),
    DropInv: lambda facts, i, e: facts.conns[e.conn].drops.append(i),
    FaultInv: lambda facts, i, e: facts.conns[e.conn].faults.append((i, NEVER, e.kind)),
    FaultEnd: _fault_end,
    SrvClose: _server_end,
    SrvEof: _server_end,
    SrvRst: _server_end,
    SrvBad: _server_end,
    Phase: lambda facts, i, e: facts.phases.append((i, e.name)),
    Quiet: _quiet,
}
