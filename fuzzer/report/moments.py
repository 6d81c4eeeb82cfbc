"""Every event of a history as a picture shows it: a sign, a sentence, a tone, and whether it is evidence."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from fuzzer import history as h
from fuzzer.facts import Facts
from fuzzer.report.event_words import event_sentence
from fuzzer.report.glyphs import shown
from fuzzer.values import Value
from fuzzer.verdict import Finding

Tone = Literal["own", "good", "bad", "fault", "dim", "note"]
Mark = Literal["", "evidence", "broken"]

_OWN = (h.OpenInv, h.SendInv, h.CloseInv, h.SubInv, h.UnsubInv, h.QueryInv, h.PingInv)
_FAULTS = (h.DropInv, h.FaultInv, h.FaultEnd, h.ServerPaused, h.ServerResumed, h.StopInv)
_GOOD = (h.OpenOk, h.Joined, h.Named, h.Present, h.Dlv, h.UnsubOk, h.CloseOk, h.Restarted)
_NOTES = (h.OpenRej, h.Skip, h.CloseLate, h.Stopped)
_ENDS = (h.SrvClose, h.SrvEof, h.SrvRst)
_BAD = (h.Stray, h.SrvBad, h.ServerLog, h.ServerExit, h.Abort)
_MINOR = (h.SendOk, h.Phase, h.Pong, h.TcpClosed, h.Control, h.Outsiders, h.Lag)


class Moment(Value):
    """One event. ``minor``: told only if everything is asked for. ``fields``: the event as it stands in the file."""

    index: int
    t: float
    conn: str
    kind: str
    tone: Tone
    text: str
    mark: Mark = ""
    minor: bool = False
    msg: str = ""
    fields: dict[str, Any] = {}


def moments_of(facts: Facts, finding: Finding | None, finale: int, lost: frozenset[str]) -> tuple[Moment, ...]:
    """All events; from index ``finale`` on only evidence and trouble are more than minor, as with fences."""
    witness = frozenset(finding.witness) if finding else frozenset()
    decisive = -1 if lost else max(witness, default=-1)
    told = lost | {getattr(facts.events[i], "msg", "") for i in witness if i < len(facts.events)}

    def moment(index: int, event: h.Event) -> Moment:
        mark: Mark = "" if index not in witness else "broken" if index == decisive else "evidence"
        msg = str(getattr(event, "msg", ""))
        tone = _tone(facts, index, event)
        routine = index >= finale and tone != "bad"
        hidden = routine or isinstance(event, _MINOR) or _calm(event) or (msg.startswith("~") and msg not in told)
        return Moment(
            index=index,
            t=event.t,
            conn=shown(str(getattr(event, "conn", "")), 40),
            kind=event.__struct_config__.tag if isinstance(event.__struct_config__.tag, str) else "",
            tone=tone,
            text=event_sentence(event),
            mark=mark,
            minor=hidden and not mark,
            msg=shown(msg, 40),
            fields={name: _inert(value) for name, value in msgspec.to_builtins(event).items()},
        )

    return tuple(moment(index, event) for index, event in enumerate(facts.events))


def _tone(facts: Facts, index: int, event: h.Event) -> Tone:
    if isinstance(event, _ENDS):
        conn = facts.conns.get(event.conn)
        return "dim" if conn is not None and conn.x <= index else "bad"  # after its own end, the hub may end it
    if isinstance(event, h.Dlv) and not event.intact:
        return "bad"
    if isinstance(event, h.Control | h.Quiet):
        return "dim" if (event.ok if isinstance(event, h.Control) else event.complete) else "note"
    tones: tuple[tuple[tuple[type, ...], Tone], ...] = (
        (_OWN, "own"),
        (_FAULTS, "fault"),
        (_GOOD, "good"),
        (_BAD, "bad"),
        (_NOTES, "note"),
    )
    return next((tone for kinds, tone in tones if isinstance(event, kinds)), "dim")


def _calm(event: h.Event) -> bool:
    """A fence that held, and the count before anything happened, say nothing that the rest does not."""
    return (isinstance(event, h.Quiet) and event.complete) or (isinstance(event, h.Probe) and event.when == "before")


def _inert(value: object) -> object:
    """As in the file, but text from outside cannot reach the page as anything but text."""
    if isinstance(value, str):
        return shown(value, 400)
    return [_inert(item) for item in value] if isinstance(value, list | tuple) else value
