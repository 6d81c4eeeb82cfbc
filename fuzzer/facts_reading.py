"""One pass over the events of a history: who did what, and the evidence for each connection and message."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

from fuzzer.facts_records import NEVER, Conn, Episode, Leave, Message, Question
from fuzzer.facts_rooms import ROOM_STEPS, published, refused_rooms, rooms_are_answered, rooms_are_news, spoke
from fuzzer.facts_server import SERVER_STEPS
from fuzzer.history import (
    CloseInv,
    CloseLate,
    CloseOk,
    Control,
    Dlv,
    DropInv,
    Event,
    FaultEnd,
    FaultInv,
    Frame,
    Joined,
    Lag,
    Named,
    OpenInv,
    OpenOk,
    OpenRej,
    PingInv,
    Present,
    Probe,
    QueryInv,
    SendInv,
    SendOk,
    SendRej,
    ServerExit,
    ServerLog,
    SrvBad,
    SrvClose,
    SrvEof,
    SrvRst,
    Stopped,
    Stray,
    TcpClosed,
)
from fuzzer.policy import Policy

ServerEnd: TypeAlias = SrvClose | SrvEof | SrvRst | SrvBad


class Notes:
    """What was read. Events of a connection that never opened, or of unknown messages, are passed over."""

    def __init__(self, events: Sequence[Event], policy: Policy) -> None:
        self.policy = policy
        self.conns: dict[str, Conn] = {}
        self.messages: dict[str, Message] = {}
        self.sent: dict[tuple[str, str], list[Message]] = defaultdict(list)
        self.deliveries: list[tuple[int, Dlv]] = []
        self.joins: list[tuple[int, Joined]] = []
        self.phases: list[tuple[int, str]] = []
        self.failed_fences: list[int] = []
        self.controls: list[Control] = []
        self.lags: list[Lag] = []
        self.strays: list[tuple[int, Stray]] = []
        self.probes: list[tuple[int, Probe]] = []
        self.logs: list[tuple[int, ServerLog]] = []
        self.exits: list[tuple[int, ServerExit]] = []
        self.names: list[tuple[int, Named]] = []
        self.frames: list[tuple[int, Frame]] = []
        self.stops: list[tuple[int, Stopped]] = []
        self.bad: list[tuple[int, SrvBad]] = []
        self.answers: dict[str, list[Question]] = defaultdict(list)
        self.unsubscribed: list[tuple[str, str, Leave]] = []  # (connection, group, request)
        self.welcomed: dict[str, int] = {}  # by connection: when it was last told so
        self.not_published: list[tuple[int, SendRej]] = []
        self.pauses: list[tuple[int, int]] = []
        self.presence_is_pushed = False  # told also unasked, so that no answer can be told from such news
        self.rooms_are_news = rooms_are_news(events)
        self.rooms_are_answered = not self.rooms_are_news and rooms_are_answered(events)
        self.refused = refused_rooms(events)
        self.outages: list[tuple[int, int]] = []  # from the end of a server process until the next one is ready
        for index, event in enumerate(events):
            step = _STEPS.get(type(event))
            if step is not None:
                step(self, index, event)

    def own_group(self, conn: OpenInv) -> str:
        """The group that a connection is in by itself."""
        return "all" if self.policy.group == "all" else f"user:{conn.user}"


def _open_inv(notes: Notes, i: int, e: OpenInv) -> None:
    conn = notes.conns[e.conn] = Conn(e.conn, e, i, spoke=[i])
    group = notes.own_group(e)
    owed_from = NEVER if notes.policy.join_evidence == "welcome" else -1
    conn.episodes[group] = [Episode(e.conn, group, i, owed_from=owed_from)]


def _query_inv(notes: Notes, i: int, e: QueryInv) -> None:
    spoke(notes, i, e)
    waiting = [question for question in notes.answers[e.conn] if question.answered == NEVER]
    question = Question(i, e.conn)
    notes.answers[e.conn].append(question)
    if waiting and notes.policy.order == "none":
        for one in (*waiting, question):
            one.mixed = True


def _present(notes: Notes, i: int, e: Present) -> None:
    if e.conn in notes.conns:
        notes.conns[e.conn].besides.append(i)
    waiting = [question for question in notes.answers[e.conn] if question.answered == NEVER]
    notes.presence_is_pushed = notes.presence_is_pushed or not waiting
    if waiting:
        waiting[0].answered, waiting[0].users = i, e.users


def _send_inv(notes: Notes, i: int, e: SendInv) -> None:
    if e.conn in notes.conns:
        spoke(notes, i, e)
        message = notes.messages[e.msg] = Message(e.msg, e.conn, e.group, i, e.size, e.fence)
        notes.sent[e.conn, e.group].append(message)
        published(notes, i, e)


def _send_ok(notes: Notes, i: int, e: SendOk) -> None:
    if e.msg in notes.messages:
        notes.messages[e.msg].ok = i


def _send_rej(notes: Notes, i: int, e: SendRej) -> None:
    if e.conn in notes.conns:
        notes.conns[e.conn].besides.append(i)
        notes.not_published.append((i, e))


def _dlv(notes: Notes, i: int, e: Dlv) -> None:
    """A delivery proves membership unless it may be replayed history, or belong to an earlier stay.

    After a second stay has begun a late delivery may still belong to the first. A copy for who published proves nothing
    if it may not be in the room: a hub may answer so whoever publishes, wherever it goes.
    """
    message, conn = notes.messages.get(e.msg), notes.conns.get(e.conn)
    if message is None or conn is None:
        return
    notes.deliveries.append((i, e))
    message.got.setdefault(e.conn, i)
    message.heaviest = max(message.heaviest, e.size)
    _heard(notes.conns[message.conn], message, i)
    episodes = conn.episodes.get(message.group, ())
    if len(episodes) == 1 and message.inv > episodes[0].begin and _proves(notes, message, episodes[0]):
        stay = episodes[0]
        stay.je = min(stay.je, i)
        if not _may_be_off_the_list(notes, message, conn):
            stay.le = max(stay.le, message.inv)


def _may_be_off_the_list(notes: Notes, message: Message, conn: Conn) -> bool:
    """May the hub have answered its sender by hand on ``conn``, which it had taken off its lists to make room?

    Between that and the Close its handler may still work. What an old connection of a session sends may be answered on
    the newest."""
    limit = notes.policy.limit
    return limit is not None and limit.over != "reject" and _is_answered_on(notes, notes.conns[message.conn], conn)


def _is_answered_on(notes: Notes, sender: Conn, conn: Conn) -> bool:
    resumed = notes.policy.sessions == "takeover" and conn.inv.session is not None
    one = resumed and (sender.inv.user, sender.inv.session) == (conn.inv.user, conn.inv.session)
    return sender is conn or one


def _heard(sender: Conn, message: Message, i: int) -> None:
    """Its request has been handled, which it had sent before; that for a room perhaps elsewhere than other messages."""
    for episodes in sender.episodes.values():
        for stay in episodes:
            elsewhere = stay.group.startswith("room:") and stay.group != message.group
            if stay.heard == NEVER and message.inv > stay.begin and not elsewhere:
                stay.heard = i


def _proves(notes: Notes, message: Message, stay: Episode) -> bool:
    """Can this not be history that a hub reads out to who joins, before it registers it? (SPEC 2.1, and 2.2, MAY 5)

    What was sent while the stay was being asked for may be: a hub may store and broadcast it, then come to the
    request, read out, wait, and only then register. Not so what was sent after the stay was proved or, where the hub
    says no welcome, after it had got through the request to something that came behind it.
    """
    policy = notes.policy
    if not stay.asked:
        return False
    if message.conn == stay.conn:
        return not _may_be_outside(notes, stay)
    if policy.replay == "none" or message.inv > stay.je:
        return True
    in_turn = policy.join_evidence != "welcome" and policy.order != "none" and not _may_be_outside(notes, stay)
    return in_turn and message.inv > stay.heard


def _may_be_outside(notes: Notes, stay: Episode) -> bool:
    """May it not be in the room though the hub has got as far as what it sent later? Its request was refused, ignored
    as one above a rate, or is handled after what came behind it."""
    policy, refused = notes.policy, (stay.conn, stay.group) in notes.refused
    return stay.group.startswith("room:") and (refused or policy.rate is not None or policy.order == "none")


def _server_end(notes: Notes, i: int, e: ServerEnd) -> None:
    conn = notes.conns.get(e.conn)
    if conn is not None:
        conn.server_end = min(conn.server_end, i)
    if isinstance(e, SrvBad):
        notes.bad.append((i, e))


def _drop(notes: Notes, i: int, e: DropInv) -> None:
    if e.conn in notes.conns:
        notes.conns[e.conn].drops.append((i, e))


def _fault(notes: Notes, i: int, e: FaultInv) -> None:
    if e.conn in notes.conns:
        notes.conns[e.conn].faults.append((i, NEVER, e.kind))


def _fault_end(notes: Notes, i: int, e: FaultEnd) -> None:
    conn = notes.conns.get(e.conn)
    if conn is not None:
        conn.faults = [(a, i if b == NEVER and k == e.kind else b, k) for a, b, k in conn.faults]


def _frame(notes: Notes, i: int, e: Frame) -> None:
    notes.frames.append((i, e))
    if e.conn in notes.conns:
        notes.conns[e.conn].besides.append(i)
        for message in (notes.messages[name] for name in e.holds if name in notes.messages):
            message.unread.setdefault(e.conn, i)


def _named(notes: Notes, i: int, e: Named) -> None:
    """With its own name comes a welcome; with that of another a frame of which nothing else is told."""
    notes.names.append((i, e))
    conn = notes.conns.get(e.conn)
    if conn is not None and e.user != conn.inv.user:
        conn.besides.append(i)


def _keep(name: str) -> Callable[[Notes, int, Event], None]:
    """Keep every event of a kind, with its index."""

    def step(notes: Notes, i: int, e: Event) -> None:
        getattr(notes, name).append((i, e))

    return step


def _first(name: str) -> Callable[[Notes, int, OpenOk | OpenRej | CloseInv | CloseLate | CloseOk | TcpClosed], None]:
    """Note the first event of a kind on its connection."""

    def step(notes: Notes, i: int, e: OpenOk | OpenRej | CloseInv | CloseLate | CloseOk | TcpClosed) -> None:
        conn = notes.conns.get(e.conn)
        if conn is not None and getattr(conn, name) == NEVER:
            setattr(conn, name, i)

    return step


_STEPS: dict[type, Callable[..., None]] = {
    **SERVER_STEPS,
    **ROOM_STEPS,
    OpenInv: _open_inv,
    OpenOk: _first("open_ok"),
    OpenRej: _first("rejected"),
    QueryInv: _query_inv,
    Present: _present,
    PingInv: spoke,
    Named: _named,
    Frame: _frame,
    SendInv: _send_inv,
    SendOk: _send_ok,
    SendRej: _send_rej,
    Dlv: _dlv,
    CloseInv: _first("close_inv"),
    CloseLate: _first("close_late"),
    CloseOk: _first("close_ok"),
    TcpClosed: _first("tcp_closed"),
    DropInv: _drop,
    FaultInv: _fault,
    FaultEnd: _fault_end,
    SrvClose: _server_end,
    SrvEof: _server_end,
    SrvRst: _server_end,
    SrvBad: _server_end,
    Stray: _keep("strays"),
    Probe: _keep("probes"),
    ServerLog: _keep("logs"),
    Stopped: _keep("stops"),
}
