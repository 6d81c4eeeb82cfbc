"""The dials: how a correct hub may legitimately differ. Defaults accuse nobody.

Each field is a dial of the same name in the ``[policy]`` table of the target file. Times are in seconds and count
only while the server demonstrably answers.
"""

from __future__ import annotations

from typing import Literal

from fuzzer.values import Value

SMALL_TALK = 4  # characters: no hub takes so few for an empty message, nor for one that is too long
MOST_PATIENCE = 1.5  # seconds: to wait for a promise that takes longer costs too much in every plan
NO_CLOSE_FRAME = 1006  # RFC 6455, 7.1.5: what the end of a connection without a Close frame counts as
FEW_SLOTS = 3  # shared by everybody: one for the control pair, so that two are left

Names = Literal["folded", "exact", "plain"]
RateScope = Literal["connection", "user", "ip", "global"]


class Limit(Value):
    """How many connections one user may have, and what happens to the one above (``over``).

    ``codes`` are the close codes and ``statuses`` the HTTP statuses that mean "because of the limit". ``evict-any``:
    one of those that share the limit goes, whichever. ``scope``: who shares it: the connections of one ``user``, of one
    ``ip`` address, or all (``global``). hubfuzz has one address, so that the last two are the same to it; nobody else
    may use the server from there, and the control pair needs slots of its own. Only WebSockets count: not the requests
    for the counts of ``[probe]``.
    """

    max: int
    over: Literal["reject", "evict-oldest", "evict-any"] = "reject"
    codes: tuple[int, ...] = ()
    statuses: tuple[int, ...] = ()
    scope: Literal["user", "ip", "global"] = "user"

    @property
    def shared(self) -> bool:
        """Do connections of different users share it?"""
        return self.scope != "user"

    @property
    def kept(self) -> int:
        """How many slots the control pair takes from those of a plan: it makes do with one where there are few."""
        return 0 if not self.shared else 1 if self.max <= FEW_SLOTS else 2

    @property
    def free(self) -> int:
        """How many connections a plan can have: of one user, or of all that share the limit."""
        return self.max - self.kept


class CloseCodes(Value):
    """The close codes that mean this cause; none declared: not judged. 1006, say, stands for no Close frame at all."""

    malformed: tuple[int, ...] = ()
    oversize: tuple[int, ...] = ()
    shutdown: tuple[int, ...] = ()


class Policy(Value):
    """What the hub promises, and within which times; None: it does not.

    ``join_evidence``: what proves a member: a message that it read or that came back, besides that
    ``protocol.welcome`` (then nothing is owed before it), or the 101 itself. A hub that greets first and registers
    later promises neither of these. What ``protocol.subscribed`` fits proves a member of the room in any case: a
    hub that answers first and lets in later leaves it out. With ``welcome`` nothing is owed in a room before that
    answer. ``names``: exact: users are one only if their names are equal to the byte; folded: or if they differ in
    no more than letter case, Unicode form, spaces and invisible characters, so that hubfuzz makes no two such
    users; plain: the hub may take characters out of names or cut them, too, so that hubfuzz gives users short names
    of ASCII letters, digits and "-" alone. ``body``: any: the hub may trim, escape,
    normalise or cut the text of a body, which then proves nothing; plain: it takes bodies of plain text alone and does
    not change them, but may refuse what has control characters, quotes, markup or the like in it (a body that becomes
    XML, a validated form), so that hubfuzz sends ASCII letters and digits alone. ``max_rooms``: a connection is in at
    most so many rooms at once, and a subscription beyond is answered by a refusal. ``t_heartbeat``: a peer that answers
    nothing is given up (and what it held is free) after at most so long. ``t_presence``: after so long, presence
    says who of all users is connected. ``t_expiry``: so long after its token expired (one second more for a hub that
    counts whole ones) a connection is no member any more. ``t_evict``: for so long a user may be above a limit that
    evicts, until who has to go is gone, or one that comes back with its session may be refused because of the limit:
    processes with a bus between them tell each other. ``t_shutdown``: after
    SIGTERM the process ends within it (and ``t_held_up``, for which a machine may hold a process up without any sign,
    is given to it on top). ``t_idle``: a connection that sends nothing for so long may be closed; ``t_lifetime``: one
    that is open for so long may be, whatever it does. ``rate``: what a connection sends beyond so many messages (in
    all: no plan is long) may be ignored, or the connection closed. ``rate_scope``: who shares it: nobody, the
    connections of one ``user`` (of whom any may be closed for it), of one ``ip`` address, or all (``global``). Of the
    last two hubfuzz's control pair and earlier plans may have left nothing: then what does not come is no finding.
    ``replay`` ``none``: who joins is read out nothing
    old, that is, no message that was over before it began to: all in the group had read a later one of its sender.
    Several processes with a bus between them do not keep that: one may be behind. With ``may``, what was sent before a
    connection had surely been taken on proves no membership when it is read: it may be history. ``subscriptions``
    ``once``: one leaving ends the stay in a room, however often it was asked for; else a hub may count. ``each``: it
    counts, and who has asked to be in a room n times gets up to n copies, one for each subscription. ``single``:
    nobody asks for a room that it is in or waits for, nor speaks there or leaves before the answer: the hub closes who
    does. ``sessions`` ``takeover``: the newest connection of a session replaces the older ones, whose slots count no
    more for it. ``rooms`` ``user``: whoever asks, its user is in the room with all of its connections, also with those
    that come later, and out of it when any of them leaves; else it is the connection alone that is in it.
    ``publish_joins``: who speaks in a room that it is not in may be in it from then on, though it never asked.
    ``backlog``: so many bytes surely fit on the way to one reader; above that the hub may call it slow, and close it or
    leave messages out, though it reads. They are counted wide, with all characters escaped and 1,024 bytes around each
    body, so that the default is a queue of 16 small messages. ``min_size``: a body of so many characters is taken, and
    no drawn one is smaller (0: empty ones are drawn, too). ``storm``: more frames than this within the deadline that
    nobody asked for, on one connection that did nothing wrong, are a flood. ``answers_close``: a Close is answered
    within the deadline. ``fragments``: a message in several frames is taken as one (RFC 6455, 5.4); else none is drawn.
    ``resources``: descriptors and threads come back to where they were, but for ``resources_slack`` of each that may
    stay by design: the bound of a thread pool that grows to it, a cache of files.
    """

    group: Literal["user", "room", "all"] = "user"
    names: Names = "folded"
    body: Literal["exact", "plain", "any"] = "exact"
    echo: Literal["either", "always", "never"] = "either"
    join_evidence: Literal["broadcast", "welcome", "handshake"] = "broadcast"
    order: Literal["fifo", "causal", "total", "none"] = "fifo"
    delivery: Literal["at-most-once", "at-least-once"] = "at-most-once"
    replay: Literal["may", "none"] = "may"
    send_then_close: Literal["may", "must"] = "may"
    agreement: bool = True
    slow_consumer: Literal["disconnect-or-lossy", "lossless"] = "disconnect-or-lossy"
    subscriptions: Literal["counted", "once", "each", "single"] = "counted"
    sessions: Literal["independent", "takeover"] = "independent"
    rooms: Literal["connection", "user"] = "connection"
    publish_joins: bool = False
    limit: Limit | None = None
    max_rooms: int | None = None
    deadline: float = 5.0
    t_join: float = 0.0
    t_evict: float = 0.0
    t_release: float = 2.0
    t_detect: float = 5.0
    t_heartbeat: float | None = None
    t_presence: float | None = None
    t_expiry: float | None = None
    t_shutdown: float | None = None
    t_held_up: float = 3.0
    t_idle: float | None = None
    t_lifetime: float | None = None
    rate: int | None = None
    rate_scope: RateScope = "connection"
    min_size: int = 1
    max_size: int | None = None
    backlog: int | None = 16_384
    stall_bytes: int = 6_000_000
    storm: int = 200
    answers_close: bool = True
    fragments: bool = True
    resources: bool = False
    resources_slack: int = 0
    close_codes: CloseCodes = CloseCodes()
    refuse_tokens: tuple[str, ...] = (
        "expired",
        "not-yet-valid",
        "wrong-signature",
        "alg-none",
        "truncated",
        "none",
    )

    @property
    def own_size(self) -> int:
        """How many ASCII characters hubfuzz's own messages have (of the control pair, fences): they must be taken."""
        return max(SMALL_TALK, self.min_size)
