"""The shape of plans: what a plan for one target may contain. Everything that generation knows about a target."""

from __future__ import annotations

from typing import Final, Literal, Protocol, get_args

from fuzzer.payload import widest
from fuzzer.plan import Fill, MalformedKind, TokenKind
from fuzzer.policy import Policy
from fuzzer.values import Value
from strategies.faults import MALFORMED

SIZES: Final = (0, 1, 20, 125, 126, 200, 1_000, 5_000, 16_384, 65_535)
FLOOD_SIZE: Final = 65_536
ENVELOPE: Final = 1_024  # characters that a hub's own message may need around the body
DEFAULT_FRAME: Final = 1_000_000  # below the smallest default limit of common servers (1 MiB)
# a hub that declares no limit has to take everything
ANYWHERE: Final = tuple(kind for kind in MALFORMED if kind != "oversize")
MOST_OVERSIZE: Final = 4_194_304  # a declared limit above it is too much to move again and again


class Shape(Value):
    """What plans may contain. ``limit`` is per user; ``max_size`` bounds a whole frame in bytes.

    ``kinds`` are the ops that may be drawn (``open`` and ``send`` always are); ``tokens`` the kinds of token, of which
    all but ``valid`` must be ones that the hub is declared to refuse. ``swarm`` False: each plan may use all features.
    """

    limit: int | None = None
    over: Literal["reject", "evict-oldest", "evict-any"] = "reject"
    group: Literal["user", "room", "all"] = "user"
    rooms: bool = False
    sessions: bool = False
    takeover: bool = False
    tokens: tuple[TokenKind, ...] = ("valid",)
    sizes: tuple[int, ...] = SIZES
    max_size: int = DEFAULT_FRAME
    stall_bytes: int = 6_000_000
    kinds: tuple[str, ...] = ("abandon", "close", "drop", "malformed", "mute", "stall")
    malformed: tuple[MalformedKind, ...] = ANYWHERE
    odd_names: bool = True
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
        limit=limit.max if limit else None,
        over=limit.over if limit else "reject",
        group=policy.group,
        rooms=rooms,
        sessions=sessions,
        takeover=policy.sessions == "takeover",
        tokens=_declared_tokens(policy) if tokens else ("valid",),
        max_size=policy.max_size or DEFAULT_FRAME,
        stall_bytes=policy.stall_bytes,
        malformed=MALFORMED if (policy.max_size or MOST_OVERSIZE + 1) <= MOST_OVERSIZE else ANYWHERE,
    )


def shape_of_target(target: TargetLike) -> Shape:
    """The shape for a whole target."""
    return shape_of(target.policy, target.has_rooms, target.has_sessions, target.has_tokens)


def _declared_tokens(policy: Policy) -> tuple[TokenKind, ...]:
    kinds: tuple[TokenKind, ...] = get_args(TokenKind)
    return tuple(kind for kind in kinds if kind == "valid" or kind in policy.refuse_tokens)
