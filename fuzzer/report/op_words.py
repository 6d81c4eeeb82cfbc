"""Ops in words: a short mark for a lane and a clause for prose."""

from __future__ import annotations

from fuzzer import plan as p
from fuzzer.plan_rules import kind_of
from fuzzer.report.glyphs import shown

SEPARATORS: dict[p.Separator, str] = {
    "instant": "at once",
    "turn": "one loop turn later",
    "1ms": "1 ms later",
    "fence": "when quiet",
}
_DROPS: dict[str, str] = {
    "reset": "is reset",
    "reset-pending": "sends a ping and is reset at once",
    "fin": "sends FIN without a Close frame",
    "vanish": "vanishes without FIN or reset",
}
_WIRES: dict[str, str] = {
    "frames": "",
    "one-segment": ", in one TCP segment",
    "fragments": ", in fragments with pings between them",
    "drip": ", byte by byte",
}
_SIMPLE: dict[type, str] = {
    p.Finish: "sends the last byte of its opening handshake",
    p.Ping: "sends a ping",
    p.Query: "asks who is present",
    p.Stall: "stops reading",
    p.Resume: "reads again",
    p.Mute: "answers no more pings",
    p.Malformed: "sends malformed data ({kind})",
    p.Subscribe: "subscribes to {room}",
    p.Unsubscribe: "unsubscribes from {room}",
}
_MARKS: dict[type, tuple[str, ...]] = {
    p.Close: ("close {code}", "close"),
    p.Drop: ("drop {how}", "{how}", "drop"),
    p.Finish: ("finish open", "finish"),
    p.Query: ("who is present", "query"),
    p.Malformed: ("malformed {kind}", "{kind}", "malformed"),
    p.Subscribe: ("subscribe {room}", "sub {room}", "sub"),
    p.Unsubscribe: ("unsubscribe {room}", "unsub {room}", "unsub"),
}


def op_mark(op: p.Op) -> tuple[str, ...]:
    """Forms of an op for a lane, longest first; the lane itself says which connection."""
    if isinstance(op, p.Open):
        return _open_mark(op)
    if isinstance(op, p.Send):
        return _send_mark(op)
    return fill_in(_MARKS.get(type(op), (kind_of(op),)), op)


def op_sentence(op: p.Op) -> str:
    """An op as a clause: ``a sends m0``."""
    return f"{shown(op.conn, 20)} {_verb(op)}"


def batch_words(batch: p.Batch) -> str:
    """What is special about a batch beside its ops; empty if nothing is."""
    said = [f"{batch.wait:g} s later"] if batch.wait else []
    said += [f"with the server frozen for {batch.frozen:g} s"] if batch.frozen else []
    said += ["then the server is restarted"] if batch.restart else []
    return ", ".join(said)


def size_words(size: int) -> str:
    """``20 B``, ``2.0 kB``, ``4.0 MB``."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def fill_in(templates: tuple[str, ...], value: p.Op) -> tuple[str, ...]:
    """Templates filled with the fields of ``value``, each made inert."""
    fields = {name: shown(str(getattr(value, name)), 40) for name in value.__struct_fields__}
    return tuple(template.format(**fields) for template in templates)


def _open_mark(op: p.Open) -> tuple[str, ...]:
    word = "half-open" if op.abandon else "begin open" if op.held else "open"
    token = "" if op.token == "valid" else f" {op.token}"
    session = "" if op.session is None else f" ({shown(op.session, 20)})"
    abandon = "" if op.abandon is None else f" {op.abandon} {op.how}"
    user = shown(op.user, 20)
    return (f"{word} {user}{session}{token}{abandon}", f"{word} {user}{token}", f"{word}{token}", word)


def _send_mark(op: p.Send) -> tuple[str, ...]:
    send = f"send {shown(op.msg, 20)}" + (f" x{op.count}" if op.count > 1 else "")
    room = "" if op.room is None else f" to {shown(op.room, 20)}"
    size = f" {size_words(op.size)}" if op.size else ""
    wire = "" if op.wire == "frames" else f" {op.wire}"
    return (f"{send}{room}{size}{wire}", f"{send}{size}{wire}", f"{send}{wire}", send)


def _verb(op: p.Op) -> str:
    match op:
        case p.Open():
            return _open_verb(op)
        case p.Send():
            return _send_verb(op)
        case p.Close():
            half = " and keeps its end of TCP open" if op.half else ""
            return f"closes with {op.code}" + (f" {shown(op.reason, 40)!r}" if op.reason else "") + half
        case p.Drop():
            return _DROPS[op.how]
    return fill_in((_SIMPLE[type(op)],), op)[0]


def _open_verb(op: p.Open) -> str:
    session = "" if op.session is None else f", session {shown(op.session, 40)}"
    token = "" if op.token == "valid" else f" with a token that is {op.token}"
    who = f"as {shown(op.user, 60)}{session}{token}"
    if op.abandon is not None:
        return f"begins to open {who} and leaves ({op.abandon}, {op.how})"
    return f"begins to open {who}, all but the last byte" if op.held else f"opens {who}"


def _send_verb(op: p.Send) -> str:
    what = shown(op.msg, 20) if op.count == 1 else f"{op.count} messages ({shown(op.msg, 20)})"
    room = "" if op.room is None else f" to {shown(op.room, 40)}"
    size = f", {size_words(op.size)}" + (" each" if op.count > 1 else "") if op.size else ""
    return f"sends {what}{room}{size}{_WIRES[op.wire]}"
