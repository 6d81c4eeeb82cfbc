"""Events of a history that happen on one connection."""

from __future__ import annotations

from typing import Literal

from fuzzer.plan import AbandonKind, DropKind, TokenKind
from fuzzer.values import Value

Role = Literal["plan", "slot", "canary"]
RejectedBy = Literal["status", "close", "eof", "reset", "invalid", "timeout"]


class OpenInv(Value, tag_field="e", tag="open_inv"):
    """Before the first byte of the opening handshake (before the TCP connect).

    ``expires``: when the token ends, in seconds since the start as ``t`` is; None: not while the plan runs.
    """

    t: float
    conn: str
    user: str
    role: Role = "plan"
    session: str | None = None
    token: TokenKind = "valid"
    abandon: AbandonKind | None = None
    expires: float | None = None


class OpenOk(Value, tag_field="e", tag="open_ok"):
    """The 101 was read. It does not mean that the server counts the connection as a member."""

    t: float
    conn: str


class OpenRej(Value, tag_field="e", tag="open_rej"):
    """The handshake ended without a 101: by HTTP ``status``, ``eof``, ``reset``, an ``invalid`` answer, ``timeout``."""

    t: float
    conn: str
    by: RejectedBy
    code: int | None = None
    reason: str = ""


class Joined(Value, tag_field="e", tag="joined"):
    """A frame that only a member of ``group`` is sent was read (the welcome, the answer to a subscription)."""

    t: float
    conn: str
    group: str


class Named(Value, tag_field="e", tag="named"):
    """The server said as whom it counts ``conn``; ``user``: a symbol of the plan, or the name as read if it is none."""

    t: float
    conn: str
    user: str


class QueryInv(Value, tag_field="e", tag="query_inv"):
    """Before the first byte of a question who is present."""

    t: float
    conn: str


class Present(Value, tag_field="e", tag="present"):
    """The answer to the oldest open question of ``conn``: those of this plan's users who are present."""

    t: float
    conn: str
    users: tuple[str, ...] = ()


class SubInv(Value, tag_field="e", tag="sub_inv"):
    """Before the first byte of a subscription."""

    t: float
    conn: str
    room: str


class UnsubInv(Value, tag_field="e", tag="unsub_inv"):
    """Before the first byte of an unsubscription."""

    t: float
    conn: str
    room: str


class SubRej(Value, tag_field="e", tag="sub_rej"):
    """The server's refusal of a subscription was read."""

    t: float
    conn: str
    room: str


class SendRej(Value, tag_field="e", tag="send_rej"):
    """The server's answer was read that it has not published a message of this connection; ``msg`` is empty if the
    answer names none."""

    t: float
    conn: str
    msg: str = ""


class UnsubOk(Value, tag_field="e", tag="unsub_ok"):
    """The server's confirmation of an unsubscription was read."""

    t: float
    conn: str
    room: str


class SendInv(Value, tag_field="e", tag="send_inv"):
    """Before the first byte of one message to ``group``: ``user:u0``, ``room:r0`` or ``all``."""

    t: float
    msg: str
    conn: str
    group: str
    size: int = 0
    fence: bool = False


class SendOk(Value, tag_field="e", tag="send_ok"):
    """The local kernel took the last byte, nothing more."""

    t: float
    msg: str


class Dlv(Value, tag_field="e", tag="dlv"):
    """A message of this plan was read on ``conn``; ``intact``: its body is the one that was sent.

    ``differs``: if not, where and how, in words. Bodies that the hub may change (``policy.body``) are not compared.
    ``size``: the bytes of its frame, if they are more than hubfuzz takes a frame to weigh at most; else 0.
    """

    t: float
    msg: str
    conn: str
    intact: bool = True
    differs: str = ""
    size: int = 0


class Stray(Value, tag_field="e", tag="stray"):
    """A message with hubfuzz's mark was read that nobody in this plan sent (``id`` as read)."""

    t: float
    conn: str
    id: str


class Frame(Value, tag_field="e", tag="frame"):
    """Any other data frame: errors, presence, foreign traffic. Text cut to 200 characters.

    ``known``: no noise, but a message of somebody else, such as history, or an answer that nothing can be made of.
    ``holds``: messages of this plan whose ids are in it: maybe they came in a form that nothing says how to read.
    ``size``: the bytes of the whole frame, if they are more than a queue is taken to count for it; else 0.
    """

    t: float
    conn: str
    text: str
    known: bool = False
    holds: tuple[str, ...] = ()
    size: int = 0


class CloseInv(Value, tag_field="e", tag="close_inv"):
    """Before the first byte of our Close frame."""

    t: float
    conn: str
    code: int = 1000


class CloseLate(Value, tag_field="e", tag="close_late"):
    """Our Close was not answered, and we stopped waiting: the connection is dropped right after."""

    t: float
    conn: str


class CloseOk(Value, tag_field="e", tag="close_ok"):
    """The peer's Close was read and our end of the TCP connection is closed."""

    t: float
    conn: str


class DropInv(Value, tag_field="e", tag="drop_inv"):
    """Before our end goes away without a Close frame."""

    t: float
    conn: str
    how: DropKind


class FaultInv(Value, tag_field="e", tag="fault_inv"):
    """Before ``conn`` misbehaves: ``stall``, ``mute``, ``malformed:KIND``, ``half-close``."""

    t: float
    conn: str
    kind: str


class FaultEnd(Value, tag_field="e", tag="fault_end"):
    """After ``conn`` behaves again."""

    t: float
    conn: str
    kind: str


class SrvClose(Value, tag_field="e", tag="srv_close"):
    """The server's Close frame was read, whoever started the closing handshake (1005: no code)."""

    t: float
    conn: str
    code: int
    reason: str = ""


class SrvEof(Value, tag_field="e", tag="srv_eof"):
    """The server's FIN was read."""

    t: float
    conn: str


class SrvRst(Value, tag_field="e", tag="srv_rst"):
    """The server reset the TCP connection."""

    t: float
    conn: str


class SrvBad(Value, tag_field="e", tag="srv_bad"):
    """The server sent bytes that RFC 6455 forbids."""

    t: float
    conn: str
    detail: str


class TcpClosed(Value, tag_field="e", tag="tcp_closed"):
    """Our end of the TCP connection is closed, after the server ended the connection."""

    t: float
    conn: str


class PingInv(Value, tag_field="e", tag="ping_inv"):
    """Before the first byte of a ping of the plan."""

    t: float
    conn: str


class Pong(Value, tag_field="e", tag="pong"):
    """The answer to a ping of ours that was sent at ``since``."""

    t: float
    conn: str
    since: float
