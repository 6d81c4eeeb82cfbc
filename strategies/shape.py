"""The shape of plans: what a plan for one target may contain. Everything that generation knows about a target."""

from __future__ import annotations

from typing import Final, Literal, Protocol, get_args

from msgspec.structs import replace

from fuzzer.payload import ENVELOPE, ESCAPED, plain_fills, widest
from fuzzer.plan import Fill, MalformedKind, TokenKind
from fuzzer.policy import MOST_PATIENCE, Names, Policy
from fuzzer.values import Value
from strategies.faults import MALFORMED

SIZES: Final = (0, 1, 20, 125, 126, 200, 1_000, 5_000, 16_384, 65_535)
FLOOD_SIZE: Final = 65_536
DEFAULT_FRAME: Final = 1_000_000  # below the smallest default limit of common servers (1 MiB)
# a hub that declares no limit has to take everything
ANYWHERE: Final = tuple(kind for kind in MALFORMED if kind != "oversize")
MOST_OVERSIZE: Final = 4_194_304  # a declared limit above it is too much to move again and again
SMALL: Final = 200  # characters: larger messages are rarer, so that a plan stays cheap
MOST_BURST: Final = 8
LONGEST_BURST: Final = 257
BRIEF: Final = 2.0  # seconds: how long a brief token lasts at most


Due = Literal["", "expiry", "given-up"]


class Shape(Value):
    """What plans may contain. ``limit`` is per user, or all are one if ``shared``; ``max_size`` is of a frame in bytes,
    ``min_size`` of a body in characters.

    ``kinds`` are the ops that may be drawn (``open`` and ``send`` always are); ``tokens`` the kinds of token, of which
    all but ``valid`` must be ones that the hub is declared to refuse. ``names`` as in the policy: no two users are
    drawn whose names the hub may take for one. ``swarm`` False: each plan may use all features.
    ``burst``: the most small messages back to back that a reader surely takes, twice. ``fragments``: a message
    may be sent in several frames. ``fills``: what bodies are made of. ``presence``: the hub can be asked who is there.
    ``started``: the server is ours to freeze, and ``restartable`` to end and start again; ``measured``: what it holds
    can be seen over several cycles. ``waits`` are seconds after which the hub promises to have done something;
    ``expiry`` those after which a brief token surely does not count any more (None: no brief tokens), and ``settled``
    those after which who has left is surely not said to be present (None: nobody can be asked, or not in good time);
    ``given_up`` those after which a peer that answers nothing surely holds nothing any more (None: not promised).
    ``due``: what this plan waits for, if it can; else that is rare.
    """

    limit: int | None = None
    shared: bool = False
    over: Literal["reject", "evict-oldest", "evict-any"] = "reject"
    group: Literal["user", "room", "all"] = "user"
    rooms: bool = False
    sessions: bool = False
    takeover: bool = False
    tokens: tuple[TokenKind, ...] = ("valid",)
    sizes: tuple[int, ...] = SIZES
    min_size: int = 1
    max_size: int = DEFAULT_FRAME
    stall_bytes: int = 6_000_000
    burst: int = MOST_BURST
    fragments: bool = True
    fills: tuple[Fill, ...] = get_args(Fill)
    kinds: tuple[str, ...] = ("abandon", "close", "drop", "held", "malformed", "mute", "ping", "stall")
    malformed: tuple[MalformedKind, ...] = ANYWHERE
    presence: bool = False
    started: bool = False
    restartable: bool = False
    measured: bool = False
    waits: tuple[float, ...] = ()
    expiry: float | None = None
    settled: float | None = None
    given_up: float | None = None
    due: Due = ""
    odd_names: bool = True
    names: Names = "folded"
    max_users: int = 3
    max_conns: int = 14
    max_batches: int = 10
    swarm: bool = True

    def largest(self, fill: Fill = "ascii") -> int:
        """The most characters of this fill that surely fit into one frame (0 or more)."""
        return max(0, (self.max_size - ENVELOPE) // widest(fill))

    def flood(self) -> tuple[int, int] | None:
        """Size and count of sends that fill every buffer on the way; None if ``max_size`` makes that unreasonable."""
        size = min(FLOOD_SIZE, self.largest())
        count = -(-self.stall_bytes // size) if size else 0
        return (size, count) if 0 < count <= 1_500 else None


class TargetLike(Protocol):
    """The part of a target that generation looks at."""

    @property
    def policy(self) -> Policy: ...
    @property
    def has_rooms(self) -> bool: ...
    @property
    def has_sessions(self) -> bool: ...
    @property
    def has_tokens(self) -> bool: ...


def shape_of(policy: Policy, rooms: bool, sessions: bool, tokens: bool) -> Shape:
    """The shape for a policy and for what the target can express (rooms, sessions, tokens)."""
    limit = policy.limit
    return Shape(
        limit=limit.free if limit else None,
        shared=limit is not None and limit.shared,
        over=limit.over if limit else "reject",
        group=policy.group,
        rooms=rooms,
        sessions=sessions,
        takeover=policy.sessions == "takeover",
        tokens=_declared_tokens(policy) if tokens else ("valid",),
        min_size=policy.min_size,
        max_size=policy.max_size or DEFAULT_FRAME,
        stall_bytes=policy.stall_bytes,
        burst=_burst(policy),
        fragments=policy.fragments,
        fills=plain_fills() if policy.body == "plain" else get_args(Fill),
        waits=_waits(policy),
        expiry=_expiry(policy) if tokens else None,
        given_up=_given_up(policy),
        names=policy.names,
        malformed=MALFORMED if (policy.max_size or MOST_OVERSIZE + 1) <= MOST_OVERSIZE else ANYWHERE,
    )


def shape_of_target(target: TargetLike) -> Shape:
    """The shape for a whole target. What a target of the user's own kind does not say, it has not."""
    started = getattr(target, "start", None) is not None
    presence = getattr(target, "has_presence", False)
    return replace(
        shape_of(target.policy, target.has_rooms, target.has_sessions, target.has_tokens),
        presence=presence,
        settled=_settled(target.policy) if presence else None,
        started=started,
        restartable=getattr(target, "restartable", False),
        measured=started and target.policy.resources and getattr(getattr(target, "probe", None), "process", False),
    )


def _burst(policy: Policy) -> int:
    """Short ones always, if only to see what becomes of them; long ones where two at a time prove something."""
    if policy.rate is not None:
        return MOST_BURST
    weight = SMALL * ESCAPED + ENVELOPE
    return LONGEST_BURST if policy.backlog is None else max(MOST_BURST, policy.backlog // (2 * weight))


def _waits(policy: Policy) -> tuple[float, ...]:
    bounds = (policy.t_heartbeat, policy.t_presence, policy.t_idle, policy.t_evict)
    return tuple(sorted({_surely(bound) for bound in bounds if bound and bound <= MOST_PATIENCE}))


def _expiry(policy: Policy) -> float | None:
    if policy.t_expiry is None or policy.t_expiry > MOST_PATIENCE:
        return None
    return BRIEF + _surely(policy.t_expiry)


def _given_up(policy: Policy) -> float | None:
    if policy.t_heartbeat is None or policy.t_heartbeat > MOST_PATIENCE:
        return None
    return _surely(policy.t_heartbeat)


def _settled(policy: Policy) -> float | None:
    if policy.t_presence is None or policy.t_presence > MOST_PATIENCE:
        return None
    ended = max(policy.t_release, policy.t_detect)
    return _surely(ended + policy.t_presence) if ended <= MOST_PATIENCE else None


def _surely(bound: float) -> float:
    """A wait after which a bound has passed, even if not all of the time counts."""
    return round(bound * 1.2 + 0.1, 3)


def _declared_tokens(policy: Policy) -> tuple[TokenKind, ...]:
    kinds: tuple[TokenKind, ...] = get_args(TokenKind)
    return tuple(kind for kind in kinds if kind == "valid" or kind in policy.refuse_tokens)
