"""A history: what happened in one execution, in one order. The only thing that invariants ever see.

One driver, one thread, one append-only list. Precedence is decided by index alone; ``t`` (seconds since the start,
monotonic clock) only measures declared bounds. An ``*Inv`` event is appended before the first system call that can
have the effect, a completion after the evidence was read, so "x completed before y was invoked" is true precedence.
"""

from __future__ import annotations

import msgspec

from fuzzer.conn_events import (
    CloseInv,
    CloseLate,
    CloseOk,
    Dlv,
    DropInv,
    FaultEnd,
    FaultInv,
    Frame,
    Joined,
    Named,
    OpenInv,
    OpenOk,
    OpenRej,
    PingInv,
    Pong,
    Present,
    QueryInv,
    RejectedBy,
    Role,
    SendInv,
    SendOk,
    SendRej,
    SrvBad,
    SrvClose,
    SrvEof,
    SrvRst,
    Stray,
    SubInv,
    SubRej,
    TcpClosed,
    UnsubInv,
    UnsubOk,
)
from fuzzer.plan import Plan
from fuzzer.policy import Policy
from fuzzer.server_events import (
    Abort,
    Control,
    Lag,
    Outsiders,
    Phase,
    Probe,
    Quiet,
    Restarted,
    ServerExit,
    ServerLog,
    ServerPaused,
    ServerResumed,
    Skip,
    StopInv,
    Stopped,
)
from fuzzer.values import Value, decode, encode

HISTORY_FORMAT = "hubfuzz-history/1"

Event = (
    OpenInv
    | OpenOk
    | OpenRej
    | Joined
    | Named
    | QueryInv
    | Present
    | SubInv
    | UnsubInv
    | SubRej
    | SendRej
    | UnsubOk
    | SendInv
    | SendOk
    | Dlv
    | Stray
    | Frame
    | CloseInv
    | CloseLate
    | CloseOk
    | DropInv
    | FaultInv
    | FaultEnd
    | SrvClose
    | SrvEof
    | SrvRst
    | SrvBad
    | TcpClosed
    | PingInv
    | Pong
    | Control
    | Lag
    | Outsiders
    | ServerPaused
    | ServerResumed
    | StopInv
    | Stopped
    | Restarted
    | Phase
    | Quiet
    | Skip
    | Probe
    | ServerLog
    | ServerExit
    | Abort
)


class History(Value):
    """Self-contained: with the policy that it is judged by and the plan that made it.

    ``log``: the last lines that a server of our own printed meanwhile, without tokens; to be read, never judged.
    ``ours``: hubfuzz had started the server, so that its process and its log were watched.
    """

    events: tuple[Event, ...]
    policy: Policy
    plan: Plan
    target: str = ""
    log: tuple[str, ...] = ()
    ours: bool = True
    format: str = HISTORY_FORMAT


def history_to_json(history: History) -> bytes:
    """The history as JSON, one event a line."""
    return msgspec.json.format(encode(history), indent=1)


def history_from_json(data: bytes, source: str = "history") -> History:
    """Read a history; raises ``DamagedFile`` with one line that says what is wrong where."""
    return decode(data, History, HISTORY_FORMAT, source)


__all__ = [
    "HISTORY_FORMAT",
    "Abort",
    "CloseInv",
    "CloseLate",
    "CloseOk",
    "Control",
    "Dlv",
    "DropInv",
    "Event",
    "FaultEnd",
    "FaultInv",
    "Frame",
    "History",
    "Joined",
    "Lag",
    "Named",
    "OpenInv",
    "OpenOk",
    "OpenRej",
    "Outsiders",
    "Phase",
    "PingInv",
    "Pong",
    "Present",
    "Probe",
    "QueryInv",
    "Quiet",
    "RejectedBy",
    "Restarted",
    "Role",
    "SendInv",
    "SendOk",
    "SendRej",
    "ServerExit",
    "ServerLog",
    "ServerPaused",
    "ServerResumed",
    "Skip",
    "SrvBad",
    "SrvClose",
    "SrvEof",
    "SrvRst",
    "StopInv",
    "Stopped",
    "Stray",
    "SubInv",
    "SubRej",
    "TcpClosed",
    "UnsubInv",
    "UnsubOk",
    "history_from_json",
    "history_to_json",
]
