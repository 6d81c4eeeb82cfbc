"""Every op and every event has words, and whatever comes from outside stays inert in them."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from fuzzer import history as h
from fuzzer import plan as p
from fuzzer.history import Event
from fuzzer.plan import Batch, Op
from fuzzer.report.event_words import event_mark, event_sentence
from fuzzer.report.glyphs import ASCII, UNICODE, glyphs_for, shown
from fuzzer.report.op_words import batch_words, op_mark, op_sentence, size_words

EVIL = "\x1b[2J\u202e{conn}\n[red]"
VALUES: dict[str, Any] = {
    "conn": "a",
    "user": "u0",
    "users": ("u0", "u1"),
    "msg": "m0",
    "room": "r0",
    "group": "user:u0",
    "by": "status",
    "id": "x",
    "kind": "stall",
    "how": "reset",
    "name": "batch:0",
    "op": "send",
    "why": "refused",
    "line": "Traceback",
    "text": "{}",
    "detail": "reserved bits",
    "status": 3,
    "value": 2,
    "held": 2,
    "pair": 2,
    "when": "after",
    "seconds": 0.5,
    "since": 0.25,
    "ok": True,
    "code": 1000,
    "complete": True,
    "t": 1.0,
}
OPS: tuple[type[Op], ...] = get_args(Op)
EVENTS: tuple[type[Event], ...] = get_args(Event)


def made(kind: type, /, **instead: Any) -> Any:
    """One of this kind, with a value in every field that needs one."""
    needed = kind.__struct_fields__[: len(kind.__struct_fields__) - len(kind.__struct_defaults__)]  # type: ignore[attr-defined]
    return kind(**{name: VALUES[name] for name in needed} | instead)


@pytest.mark.parametrize("kind", OPS)
def test_every_op_has_a_sentence_and_marks_from_long_to_short(kind: type[Op]) -> None:
    op = made(kind)
    assert re.fullmatch(r"a [a-z].*", op_sentence(op))
    marks = op_mark(op)
    assert marks
    assert len(marks[0]) == max(map(len, marks)), "the longest comes first"
    assert len(marks[-1]) <= 12


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_has_a_sentence(kind: type[Event]) -> None:
    said = event_sentence(made(kind))
    assert said == " ".join(said.split())
    assert "{" not in said.replace("{}", "")
    assert all(mark and "{" not in mark.replace("{}", "") for mark in event_mark(made(kind)))


@pytest.mark.parametrize("kind", EVENTS)
def test_no_text_of_an_event_can_move_the_cursor_or_pass_for_ours(kind: type[Event]) -> None:
    texts = {name: EVIL for name in kind.__struct_fields__ if isinstance(VALUES.get(name), str) and name != "when"}
    said = " ".join((event_sentence(made(kind, **texts)), *event_mark(made(kind, **texts))))
    assert said.isprintable()
    assert "\u202e" not in said


def test_no_text_of_an_op_can_either() -> None:
    for op in (
        p.Open(conn=EVIL, user=EVIL, session=EVIL),
        p.Send(conn=EVIL, msg=EVIL, room=EVIL),
        p.Close(conn=EVIL, reason=EVIL),
        p.Subscribe(conn=EVIL, room=EVIL),
    ):
        assert op_sentence(op).isprintable()
        assert all(mark.isprintable() for mark in op_mark(op))


@pytest.mark.parametrize(
    ("op", "said"),
    [
        (p.Open(conn="a", user="u0"), "a opens as u0"),
        (p.Open(conn="a", user="u0", session="s0"), "a opens as u0, session s0"),
        (p.Open(conn="a", user="u0", token="expired"), "a opens as u0 with a token that is expired"),
        (p.Open(conn="a", user="u0", held=True), "a begins to open as u0, all but the last byte"),
        (
            p.Open(conn="a", user="u0", abandon="before-101", how="fin"),
            "a begins to open as u0 and leaves (before-101, fin)",
        ),
        (p.Send(conn="a", msg="m0"), "a sends m0"),
        (p.Send(conn="a", msg="m0", size=20, room="r0"), "a sends m0 to r0, 20 B"),
        (p.Send(conn="a", msg="m0", size=2000, count=3), "a sends 3 messages (m0), 2.0 kB each"),
        (p.Send(conn="a", msg="m0", wire="drip"), "a sends m0, byte by byte"),
        (p.Close(conn="a", code=1001, reason="bye"), "a closes with 1001 'bye'"),
        (p.Close(conn="a", half=True), "a closes with 1000 and keeps its end of TCP open"),
        (p.Drop(conn="a", how="vanish"), "a vanishes without FIN or reset"),
        (p.Drop(conn="a", how="reset-pending"), "a sends a ping and is reset at once"),
    ],
)
def test_sentences_of_ops(op: Op, said: str) -> None:
    assert op_sentence(op) == said


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (h.Dlv(1.0, "m0", "a"), "a gets m0"),
        (h.Dlv(1.0, "m0", "a", intact=False), "a gets m0 with another body than was sent"),
        (
            h.Dlv(1.0, "m0", "a", False, "sent 'a ', got 'a', from character 2 on"),
            "a gets m0 with another body than was sent: sent 'a ', got 'a', from character 2 on",
        ),
        (h.OpenInv(1.0, "a", "u0", token="none"), "a begins to open as u0 with a token that is none"),
        (h.OpenRej(1.0, "a", "status", 429, "full"), "a is refused: status 429 full"),
        (h.OpenRej(1.0, "a", "eof"), "a is refused: eof"),
        (h.SendInv(1.0, "~a@~0", "a", "user:u0", fence=True), "a sends ~a@~0 to user:u0 (a fence of hubfuzz)"),
        (h.Control(1.5, True, 1.0), "the control pair answers (0.500 s)"),
        (h.Control(1.5, False, 1.0), "the control pair does not answer (0.500 s)"),
        (h.Quiet(1.0, True), "all is quiet"),
        (h.Quiet(1.0, False, "a fence did not come back"), "not quiet: a fence did not come back"),
        (h.Probe(1.0, "connections", 2, "after"), "the hub counts 2 connections (after the plan)"),
        (h.Probe(1.0, "process.fds", 9, "cycle"), "the hub counts 9 process.fds (at the end of a cycle)"),
        (h.ServerExit(1.0, -11), "the hub's process ended with status -11"),
        (h.Stopped(1.0, None), "the server did not end in time and was killed"),
        (h.Stopped(1.0, 0), "the server has ended as it was told, with status 0"),
        (h.Present(1.0, "a", ()), "a is told who is present: nobody"),
        (h.Present(1.0, "a", ("u0", "u1")), "a is told who is present: u0, u1"),
    ],
)
def test_sentences_of_events(event: Event, said: str) -> None:
    assert event_sentence(event) == said


def test_what_is_special_about_a_batch() -> None:
    ops = (p.Ping(conn="a"),)
    assert batch_words(Batch(ops)) == ""
    assert batch_words(Batch(ops, wait=0.5, frozen=2.0, restart=True)) == (
        "0.5 s later, with the server frozen for 2 s, then the server is restarted"
    )


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_900, "999.9 kB"), (4_000_000, "4.0 MB")]
)
def test_sizes(size: int, said: str) -> None:
    assert size_words(size) == said


@pytest.mark.parametrize(
    ("encoding", "glyphs"), [("utf-8", UNICODE), ("ascii", ASCII), ("latin-1", ASCII), (None, ASCII), ("nope", ASCII)]
)
def test_signs_fit_the_terminal(encoding: str | None, glyphs: object) -> None:
    assert glyphs_for(encoding) == glyphs


def test_the_plain_signs_are_plain() -> None:
    assert all(getattr(ASCII, name).isascii() for name in ASCII.__struct_fields__)


@pytest.mark.parametrize(
    ("text", "inert"),
    [
        ("plain", "plain"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202e\u200b", "\\u202e\\u200b"),
        ("ünï", "ünï"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "… (201 characters)"),
    ],
)
def test_text_from_outside_is_inert_and_bounded(text: str, inert: str) -> None:
    assert shown(text) == inert
