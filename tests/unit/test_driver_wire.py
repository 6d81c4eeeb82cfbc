"""Each op of a plan does on the wire what it says, as a hub on raw sockets saw it."""

from __future__ import annotations

import re

import msgspec
import pytest
from recording import POLICY, RecordingHub, record

from fuzzer.driver import closings, frames
from fuzzer.facts import Facts
from fuzzer.history import (
    Abort,
    CloseInv,
    CloseLate,
    CloseOk,
    Control,
    Dlv,
    DropInv,
    Event,
    FaultInv,
    History,
    Named,
    OpenInv,
    OpenOk,
    Phase,
    PingInv,
    Pong,
    Present,
    QueryInv,
    Quiet,
    SendInv,
    Skip,
    SrvClose,
    SrvEof,
    TcpClosed,
)
from fuzzer.invariants import judge
from fuzzer.plan import (
    Batch,
    Close,
    Drop,
    Finish,
    Malformed,
    MalformedKind,
    Op,
    Open,
    Ping,
    Plan,
    Query,
    Send,
    Wire,
)
from fuzzer.policy import Policy

TEXT_FINAL, TEXT_FIRST, LAST_PART, PING, CLOSE = 0x81, 0x01, 0x80, 0x89, 0x88
A, B = 3, 4  # numbers of the plan's first connections: before them come a look at the port and the control pair


def plan(*batches: tuple[Op, ...] | Batch, names: dict[str, str] | None = None) -> Plan:
    made = (batch if isinstance(batch, Batch) else Batch(batch) for batch in batches)
    return Plan(tuple(made), names=names or {})


def place(history: History, what: type[Event], **fields: object) -> int:
    return next(i for i, e in enumerate(history.events) if isinstance(e, what) and fits(e, fields))


def on_wire(history: History, msg: str) -> str:
    """How the id of a message ends: they are numbered in the order in which they were sent."""
    return f'-{[e.msg for e in of(history, SendInv)].index(msg)}"'


def fits(event: Event, fields: dict[str, object]) -> bool:
    return all(getattr(event, name) == value for name, value in fields.items())


def of(history: History, what: type[Event], **fields: object) -> list[Event]:
    return [e for e in history.events if isinstance(e, what) and fits(e, fields)]


def innocent(history: History) -> bool:
    return judge(history).violations == ()


# ---- held openings ---------------------------------------------------------------------------------------------------


def test_a_held_opening_is_whole_only_with_its_finish() -> None:
    history, hub = record(
        plan((Open("a", "u0"),), (Open("b", "u0", held=True),), (Send("a", "m0"),), (Finish("b"),), (Send("b", "m1"),))
    )
    sent = hub.place("frame", A, on_wire(history, "m0"))
    assert sent < hub.place("request", B)
    assert place(history, OpenInv, conn="b") < place(history, SendInv, msg="m0") < place(history, OpenOk, conn="b")
    assert any(e.complete for e in history.events[: place(history, OpenOk, conn="b")] if isinstance(e, Quiet))
    assert not of(history, Skip)
    assert innocent(history)


def test_a_held_opening_that_nobody_finishes_is_finished_in_the_end_and_keeps_no_fence_waiting() -> None:
    history, hub = record(plan((Open("a", "u0"), Open("b", "u0", held=True)), (Send("a", "m0"),)))
    assert place(history, Phase, name="heal") < place(history, OpenOk, conn="b") < place(history, CloseOk, conn="b")
    assert hub.place("frame", A, on_wire(history, "m0")) < hub.place("request", B)
    assert not of(history, Abort)
    assert innocent(history)


def test_ops_on_a_connection_that_is_not_held_or_not_there_cannot_finish_it() -> None:
    history, _ = record(plan((Open("a", "u0"),), (Finish("a"),)))
    assert [e.why for e in of(history, Skip)] == ["refused"]


# ---- ways on the wire ------------------------------------------------------------------------------------------------


def burst(wire: Wire, size: int, count: int) -> tuple[RecordingHub, list[bytes]]:
    """The frames of one burst from their first one on, each as first byte and payload."""
    history, hub = record(plan((Open("a", "u0"),), (Send("a", "m0", size=size, count=count, wire=wire),)))
    assert innocent(history)
    assert len(of(history, SendInv, fence=False)) == len(of(history, OpenOk, conn="a")) * count
    said = [bytes((e[2],)) + e[3] for e in hub.of("u0")]
    first = on_wire(history, "m0.0" if count > 1 else "m0").encode()
    start = next(n for n, text in enumerate(said) if first in text or text[0] == TEXT_FIRST)
    return hub, said[start : start + (3 if wire == "fragments" else 1) * count]


def test_one_segment_arrives_as_a_whole() -> None:
    hub, said = burst("one-segment", 30, 3)
    length = sum(len(frames.text(text[1:].decode())) for text in said)
    assert any(len(chunk) >= length for chunk in hub.tabs[A].chunks)
    assert [text[0] for text in said] == [TEXT_FINAL] * 3


def test_a_drip_is_cut_into_many_segments() -> None:
    hub, _ = burst("drip", 400, 1)
    whole, _ = burst("frames", 400, 1)
    assert hub.of("u0")[-1][4] >= whole.of("u0")[-1][4] + 8


def test_fragments_have_a_ping_between_them_and_make_up_the_message() -> None:
    _, said = burst("fragments", 100, 2)
    assert [text[0] for text in said] == [TEXT_FIRST, PING, LAST_PART] * 2
    assert all(len(text) > 10 for text in said if text[0] != PING)
    ids = [re.findall(rb'"id":"([^"]*)"', said[n] + said[n + 2][1:]) for n in (0, 3)]
    assert [len(found) for found in ids] == [1, 1]
    assert ids[0] != ids[1]


def test_what_follows_a_drip_comes_after_it() -> None:
    history, hub = record(
        plan(
            (Open("a", "u0"),),
            (Send("a", "m0", size=200, wire="drip"),),
            Batch((Send("a", "m1"),), after="instant"),
            Batch((Close("a"),), after="instant"),
        )
    )
    said = [e[3] for e in hub.of("u0")]
    words = [on_wire(history, msg).encode() for msg in ("m0", "m1")]
    dripped, after = (next(n for n, text in enumerate(said) if word in text) for word in words)
    assert dripped + 1 == after == len(said) - 2
    assert hub.of("u0")[-1][2] == CLOSE
    assert of(history, CloseOk, conn="a")
    assert innocent(history)


# ---- ends ------------------------------------------------------------------------------------------------------------


def test_a_half_closed_connection_keeps_its_tcp_open_until_the_drain() -> None:
    history, hub = record(plan((Open("a", "u0"), Open("b", "u0")), (Close("b", half=True),), (Send("a", "m0"),)))
    assert hub.place("frame", B, str(CLOSE)) < hub.place("frame", A, on_wire(history, "m0")) < hub.place("end", B)
    assert place(history, FaultInv, conn="b", kind="half-close") < place(history, CloseInv, conn="b")
    assert place(history, SrvClose, conn="b") < place(history, Phase, name="drain") < place(history, CloseOk, conn="b")
    assert not of(history, DropInv)
    assert not of(history, CloseLate)
    assert innocent(history)


def test_a_reset_with_a_pending_ping_is_both() -> None:
    history, hub = record(plan((Open("a", "u0"), Open("b", "u0")), (Drop("b", "reset-pending"),), (Send("a", "m0"),)))
    assert [(e[2], e[3]) for e in hub.log if e[:2] == ("frame", B)][-1] == (PING, b"pending")
    assert hub.log[hub.place("end", B)] == ("end", B, "reset")
    assert of(history, DropInv, conn="b", how="reset-pending")
    assert innocent(history)


def test_an_unanswered_close_is_given_up_after_the_control_pair_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closings, "CLOSE_TIMEOUT", 0.1)
    history, _ = record(plan((Open("a", "u0"), Open("b", "u0")), (Close("b"),)), answers_close=False)
    begun, late = place(history, CloseInv, conn="b"), place(history, CloseLate, conn="b")
    meanwhile = [e for e in history.events[begun:late] if isinstance(e, Control)]
    assert meanwhile[-1].t - meanwhile[0].since >= POLICY.deadline
    assert all(e.ok for e in meanwhile)
    assert isinstance(history.events[late + 1], DropInv)
    assert not of(history, SrvEof)
    assert not of(history, TcpClosed, conn="b")


# ---- things said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["not-a-command", "oversize"])
def test_what_the_protocol_forbids_is_sent_and_taints(kind: MalformedKind) -> None:
    history, hub = record(plan((Open("a", "u0"), Open("b", "u0")), (Malformed("b", kind),), (Send("a", "m0"),)))
    bad = next(e[3] for e in hub.of("u0") if b"hubfuzz" in e[3] or b"xxxx" in e[3])
    assert (len(bad) > 4_000) is (kind == "oversize")
    assert of(history, FaultInv, conn="b", kind=f"malformed:{kind}")
    assert not of(history, SendInv, conn="b")  # no fence of a tainted connection


def test_without_a_declared_size_nothing_is_oversize() -> None:
    undeclared = Policy(echo="always", join_evidence="welcome")
    history, _ = record(plan((Open("a", "u0"),), (Malformed("a", "oversize"),)), undeclared)
    assert [e.why for e in of(history, Skip)] == ["no max_size is declared"]
    assert not of(history, FaultInv)


def test_a_ping_is_sent_and_its_pong_noted() -> None:
    history, hub = record(plan((Open("a", "u0"),), (Ping("a"),), (Send("a", "m0"),)))
    (ping,) = of(history, PingInv)
    (pong,) = of(history, Pong, conn="a")
    assert [e[2] for e in hub.of("u0")].count(PING) == 1
    assert ping.t <= pong.since + 0.001 <= pong.t + 0.001
    assert innocent(history)


def test_who_is_present_is_told_in_symbols_of_the_plan() -> None:
    history, hub = record(
        plan((Open("a", "u0"), Open("b", "u1")), (Query("a"),), (Close("b"),), (Query("a"),), names={"u1": "Änn"}),
        others=("a stranger", "u0"),
    )
    assert [e[3] for e in hub.of("u0") if b"who" in e[3]] == [b'{"type":"who"}'] * 2
    assert [e.users for e in of(history, Present)] == [("u0", "u1"), ("u0",)]
    assert place(history, QueryInv) < place(history, Present)
    assert {(e.conn, e.user) for e in of(history, Named) if e.conn in "ab"} == {("a", "u0"), ("b", "u1")}
    assert innocent(history)


def test_of_a_hub_that_tells_unasked_who_is_present_nothing_is_an_answer() -> None:
    history, _ = record(plan((Open("a", "u0"), Open("b", "u1")), (Query("a"),)), pushes=True)
    assert of(history, QueryInv)
    assert of(history, Present)
    assert Facts(history).presence_is_pushed


@pytest.mark.parametrize("least", [1, 10])
def test_a_hub_that_refuses_small_messages_gets_none_from_hubfuzz_itself(least: int) -> None:
    told = plan((Open("a", "u0"), Open("b", "u0")), (Send("a", "m0", size=least),))
    history, _ = record(told, msgspec.structs.replace(POLICY, min_size=least), least=least)
    assert [e.intact for e in of(history, Dlv, msg="m0")] == [True, True]
    assert all(e.complete for e in of(history, Quiet))
    assert innocent(history)


def test_a_hub_that_refuses_what_it_is_declared_to_take_is_accused() -> None:
    told = plan((Open("a", "u0"), Open("b", "u0")), (Send("a", "m0"),))
    history, _ = record(told, msgspec.structs.replace(POLICY, min_size=0), least=1)
    assert {finding.code for finding in judge(history).violations} == {"HF101"}
