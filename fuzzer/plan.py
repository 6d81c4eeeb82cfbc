"""A plan: what the clients do, as a pure value that is drawn, saved, shrunk and replayed.

Connections, users, rooms, sessions and messages are symbols. Each execution maps them to fresh real ones, so
that two plans never see each other. Within a batch the listed order is the order of release.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from fuzzer.values import Value, decode, encode

PLAN_FORMAT = "hubfuzz-plan/1"

TokenKind = Literal[
    "valid", "brief", "expired", "not-yet-valid", "wrong-signature", "alg-none", "wrong-claims", "truncated", "none"
]
AbandonKind = Literal["half-request", "before-101", "after-101"]
DropKind = Literal["reset", "reset-pending", "fin", "vanish"]
Fill = Literal["ascii", "unicode", "escapes", "markup"]
MalformedKind = Literal[
    "not-json",
    "not-a-command",
    "unmasked",
    "rsv-bit",
    "reserved-opcode",
    "bad-utf8",
    "orphan-continuation",
    "long-ping",
    "huge-length",
    "oversize",
]
Wire = Literal["frames", "one-segment", "fragments", "drip"]
Separator = Literal["instant", "turn", "1ms", "fence"]


class Open(Value, tag_field="op", tag="open"):
    """Connect as a user. ``abandon`` leaves in the middle of the opening handshake, in the way ``how`` says.

    ``token`` ``brief`` is a good one that expires while the plan runs. ``held``: the last byte of the upgrade request
    is kept back until ``Finish``.
    """

    conn: str
    user: str
    session: str | None = None
    token: TokenKind = "valid"
    abandon: AbandonKind | None = None
    how: Literal["reset", "fin"] = "reset"
    held: bool = False


class Finish(Value, tag_field="op", tag="finish"):
    """Send the last byte of a held opening handshake."""

    conn: str


class Send(Value, tag_field="op", tag="send"):
    """Publish ``count`` messages back to back, each with ``size`` characters of filler; ``room`` None: own group.

    ``wire`` is how the bytes travel: whole frames, all frames in one TCP segment, each message in fragments with a
    ping between them (RFC 6455, 5.4), or byte by byte.
    """

    conn: str
    msg: str
    size: int = 0
    count: int = 1
    fill: Fill = "ascii"
    room: str | None = None
    wire: Wire = "frames"


class Close(Value, tag_field="op", tag="close"):
    """Start the closing handshake (RFC 6455, 7.1.2) with this code and reason.

    ``half``: our end of TCP stays open after the server's answer, until the drain; a server may wait for us then.
    """

    conn: str
    code: int = 1000
    reason: str = ""
    half: bool = False


class Drop(Value, tag_field="op", tag="drop"):
    """End without a Close frame: TCP reset, FIN, or ``vanish`` (neither; the peer is just never heard of again).

    ``reset-pending``: a ping right before the reset, so that the server has something to write to the dead peer.
    """

    conn: str
    how: DropKind = "reset"


class Stall(Value, tag_field="op", tag="stall"):
    """Stop reading, so that buffers fill and the server's writes block."""

    conn: str


class Resume(Value, tag_field="op", tag="resume"):
    """Read again after a stall."""

    conn: str


class Mute(Value, tag_field="op", tag="mute"):
    """Go on reading but never answer a ping again."""

    conn: str


class Malformed(Value, tag_field="op", tag="malformed"):
    """Send bytes that RFC 6455 or the hub's own protocol forbids."""

    conn: str
    kind: MalformedKind = "not-json"


class Subscribe(Value, tag_field="op", tag="subscribe"):
    """Join a room; twice is allowed and must count once."""

    conn: str
    room: str


class Unsubscribe(Value, tag_field="op", tag="unsubscribe"):
    """Leave a room."""

    conn: str
    room: str


class Ping(Value, tag_field="op", tag="ping"):
    """Send a ping, which the server must answer (RFC 6455, 5.5.2)."""

    conn: str


class Query(Value, tag_field="op", tag="query"):
    """Ask the hub who is present."""

    conn: str


Op = Open | Finish | Send | Close | Drop | Stall | Resume | Mute | Malformed | Subscribe | Unsubscribe | Ping | Query


class Batch(Value):
    """Ops on distinct connections, released together in this order; ``after`` says how it follows the last batch.

    ``wait``: seconds that pass before, after the separator. ``frozen``: seconds for which a server of ours is stopped
    (SIGSTOP) while the ops arrive, so that it finds all of them at once. ``restart``: a server of ours is told to end
    (SIGTERM) after the ops, and started again.
    """

    ops: tuple[Op, ...]
    after: Separator = "fence"
    wait: float = 0.0
    frozen: float = 0.0
    restart: bool = False


class Plan(Value):
    """``names`` gives users an adversarial real name; ``schedule_seed`` seeds trio's own scheduling.

    ``cycles``: the plan is executed so many times, each time with fresh users; what the server keeps of every cycle
    (descriptors, threads) shows as a slope.
    """

    batches: tuple[Batch, ...]
    schedule_seed: int = 0
    names: dict[str, str] = {}
    cycles: int = 1
    format: str = PLAN_FORMAT

    def ops(self) -> Iterator[Op]:
        """Every op, in order."""
        return (op for batch in self.batches for op in batch.ops)

    def size(self) -> int:
        """The number of ops: the measure that shrinking makes least."""
        return sum(len(batch.ops) for batch in self.batches)

    def users(self) -> tuple[str, ...]:
        """User symbols in the order of their first open."""
        return tuple(dict.fromkeys(op.user for op in self.ops() if isinstance(op, Open)))


def plan_to_json(plan: Plan) -> bytes:
    """The plan as stable, indented JSON."""
    return msgspec.json.format(encode(plan), indent=1)


def plan_from_json(data: bytes, source: str = "plan") -> Plan:
    """Read a plan; raises ``DamagedFile`` with one line that says what is wrong where."""
    return decode(data, Plan, PLAN_FORMAT, source)
