"""Events of a history that are about the server as a whole, or about the execution itself."""

from __future__ import annotations

from typing import Literal

from fuzzer.values import Value


class Control(Value, tag_field="e", tag="control"):
    """A round trip of the control pair (two connections of an unrelated user), begun at ``since``.

    ``ok`` False: it was given up. The control pair is what shows that the server as a whole answers.
    """

    t: float
    ok: bool
    since: float


class Outsiders(Value, tag_field="e", tag="outsiders"):
    """From here on at most ``held`` connections of the control pair may hold slots of a limit that all users share.

    Told at the start, and before the pair opens another. A good round trip proves that the one of the ``pair`` that
    received is a member; both receive by turns. ``earlier``: what was before this plan may still hold slots, too.
    ``left``: for so many seconds from here on, in a store, also what a process had that could not give it back.
    """

    t: float
    held: int
    pair: int
    earlier: bool = False
    left: float = 0.0


class Lag(Value, tag_field="e", tag="lag"):
    """hubfuzz itself was late by ``seconds``: what was timed just before proves nothing."""

    t: float
    seconds: float


class ServerPaused(Value, tag_field="e", tag="server_paused"):
    """Before we stop the server process (SIGSTOP); or we saw that somebody else had, while it was to end."""

    t: float


class ServerResumed(Value, tag_field="e", tag="server_resumed"):
    """After we let it go on (SIGCONT), or saw it go on or end."""

    t: float


class StopInv(Value, tag_field="e", tag="stop_inv"):
    """Before we tell the server process to end (SIGTERM)."""

    t: float


class Stopped(Value, tag_field="e", tag="stopped"):
    """The process that we told to end has ended, with this ``status``; None: not in time, and it was killed."""

    t: float
    status: int | None


class Restarted(Value, tag_field="e", tag="restarted"):
    """A fresh server process is ready."""

    t: float


class Phase(Value, tag_field="e", tag="phase"):
    """``batch:N``, ``heal``, ``fence``, ``drain``, ``probe``, ``slots:USER``, ``canary`` begins."""

    t: float
    name: str


class Quiet(Value, tag_field="e", tag="quiet"):
    """A fence ended. ``complete``: every live member saw a fence of every live sender of its group."""

    t: float
    complete: bool
    why: str = ""


class Skip(Value, tag_field="e", tag="skip"):
    """An op was not executed, because of ``why``."""

    t: float
    conn: str
    op: str
    why: str


class Probe(Value, tag_field="e", tag="probe"):
    """The server's own count ``name``; ``process.NAME``: what the operating system counts of its process.

    ``when`` is ``before`` (the baseline of this plan), ``after``, or ``cycle``: at the end of one of several cycles.
    """

    t: float
    name: str
    value: int
    when: Literal["before", "after", "cycle"]


class ServerLog(Value, tag_field="e", tag="server_log"):
    """A line of the server's log that the target file calls an error. ``tail``: the end of the log, with the first."""

    t: float
    line: str
    tail: str = ""


class ServerExit(Value, tag_field="e", tag="server_exit"):
    """The server process that hubfuzz started ended by itself (negative: by this signal). ``tail``: of its log."""

    t: float
    status: int
    tail: str = ""


class Abort(Value, tag_field="e", tag="abort"):
    """The rest of the plan was left out: going on could prove nothing more."""

    t: float
    why: str
