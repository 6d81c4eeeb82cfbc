"""Events in words: what a connection met, as a short mark for a lane and as a sentence for evidence."""

from __future__ import annotations

from fuzzer import history as h
from fuzzer.report.glyphs import shown

DIFFERENCE = 600  # characters: both excerpts, even if every one of theirs is an escape

_MARKS: dict[type, tuple[str, ...]] = {
    h.OpenRej: ("refused {by} {code}", "refused {code}", "refused"),
    h.Stray: ("got stray {id}", "got stray"),
    h.Frame: ("frame {text}", "frame"),
    h.SrvClose: ("hub closes {code}", "hub {code}"),
    h.SrvEof: ("hub sends FIN", "hub FIN"),
    h.SrvRst: ("hub resets", "hub rst"),
    h.SrvBad: ("illegal bytes", "illegal"),
    h.Present: ("present: {users}", "present"),
    h.CloseLate: ("Close unanswered", "no Close"),
    h.Skip: ("({op} skipped)", "(skipped)"),
}
_SENTENCES: dict[type, str] = {
    h.OpenInv: "{conn} begins to open as {user}",
    h.OpenOk: "{conn} is open (101 read)",
    h.OpenRej: "{conn} is refused: {by} {code} {reason}",
    h.Joined: "{conn} is a member of {group}",
    h.SubInv: "{conn} subscribes to {room}",
    h.UnsubInv: "{conn} unsubscribes from {room}",
    h.SubRej: "{conn} may not join {room}",
    h.SendRej: "{conn} is told that {msg} was not published",
    h.UnsubOk: "{conn} has left {room}",
    h.SendInv: "{conn} sends {msg} to {group}",
    h.SendOk: "{msg} is handed to the kernel",
    h.Dlv: "{conn} gets {msg}",
    h.Stray: "{conn} gets {id}, which nobody sent",
    h.Frame: "{conn} gets the frame {text}",
    h.Named: "the hub counts {conn} as {user}",
    h.QueryInv: "{conn} asks who is present",
    h.Present: "{conn} is told who is present: {users}",
    h.PingInv: "{conn} sends a ping",
    h.CloseLate: "{conn} waits no longer for the answer to its Close",
    h.ServerPaused: "the server's process is stopped (SIGSTOP)",
    h.ServerResumed: "the server's process goes on (SIGCONT)",
    h.StopInv: "hubfuzz tells the server to end (SIGTERM)",
    h.Restarted: "a fresh server is ready",
    h.CloseInv: "{conn} starts to close with {code}",
    h.CloseOk: "{conn} is closed on both sides",
    h.DropInv: "{conn} goes without a Close frame ({how})",
    h.FaultInv: "{conn} misbehaves: {kind}",
    h.FaultEnd: "{conn} behaves again ({kind} ends)",
    h.SrvClose: "the hub closes {conn}: {code} {reason}",
    h.SrvEof: "the hub ends {conn} (FIN, no Close frame)",
    h.SrvRst: "the hub resets {conn}",
    h.SrvBad: "the hub sends {conn} bytes that RFC 6455 forbids: {detail}",
    h.TcpClosed: "{conn} has closed its end of TCP",
    h.Pong: "{conn} gets the pong of its ping at {since} s",
    h.Outsiders: "the control pair holds up to {held} of the slots that all share",
    h.Lag: "hubfuzz itself was late by {seconds} s",
    h.Phase: "{name} begins",
    h.Skip: "{conn} skips {op}: {why}",
    h.ServerLog: "the hub's log: {line}",
    h.ServerExit: "the hub's process ended with status {status}",
    h.Abort: "the rest of the plan was left out: {why}",
}


def event_mark(event: h.Event) -> tuple[str, ...]:
    """Forms of what a connection met, for a lane, longest first; empty if a lane does not show it by itself."""
    return tuple(_tidy(template.format(**_fields(event))) for template in _MARKS.get(type(event), ()))


def event_sentence(event: h.Event) -> str:
    """An event as one sentence, for the evidence of a failure."""
    match event:
        case h.Dlv(intact=False):
            said = f"{_fields(event)['conn']} gets {_fields(event)['msg']} with another body than was sent"
            return f"{said}: {shown(event.differs, DIFFERENCE)}" if event.differs else said
        case h.OpenInv(token=token) if token != "valid":
            return f"{_plain(event)} with a token that is {token}"
        case h.SendInv(fence=True):
            return f"{_plain(event)} (a fence of hubfuzz)"
        case h.Probe() | h.Stopped() | h.Control() | h.Quiet():
            return _of_the_whole(event)
    return _plain(event)


def _of_the_whole(event: h.Probe | h.Stopped | h.Control | h.Quiet) -> str:
    match event:
        case h.Probe():
            when = "at the end of a cycle" if event.when == "cycle" else f"{event.when} the plan"
            return f"the hub counts {event.value} {shown(event.name, 40)} ({when})"
        case h.Stopped(status=None):
            return "the server did not end in time and was killed"
        case h.Stopped():
            return f"the server has ended as it was told, with status {event.status}"
        case h.Control():
            state = "answers" if event.ok else "does not answer"
            return f"the control pair {state} ({event.t - event.since:.3f} s)"
        case h.Quiet():
            return "all is quiet" if event.complete else f"not quiet: {shown(event.why, 80)}"


def _plain(event: h.Event) -> str:
    return _tidy(_SENTENCES[type(event)].format(**_fields(event)))


def _fields(event: h.Event) -> dict[str, str]:
    return {name: _field(getattr(event, name)) for name in event.__struct_fields__}


def _field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(shown(str(item), 40) for item in value) or "nobody"
    return f"{value:.3f}" if isinstance(value, float) else shown(str(value), 80)


def _tidy(text: str) -> str:
    return " ".join(text.split())
