"""What may have been given up for dead, taken off a list, or not been ticked to while the server stood still."""

from __future__ import annotations

from typing import Literal

import pytest
from histories import H

from fuzzer.history import Outsiders, SrvEof
from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy

ONE = Limit(1, statuses=(429,))


def convicted(written: H) -> list[str]:
    return [f"{f.code} {f.key}" for f in judge(written.history()).violations]


# ---- HF201, HF204, HF405: given up after a standstill, its place is free before it reads its Close -------------------


@pytest.mark.parametrize("beat", [None, 1.0])
@pytest.mark.parametrize(("late", "said"), [(1.5, []), (0.0, ["HF201 limit", "HF301 close 1011"])])
def test_who_was_given_up_takes_no_slot(beat: float | None, late: float, said: list[str]) -> None:
    written = H(Policy(limit=ONE, t_heartbeat=beat)).join("a")
    written = (written.lag(late) if late else written).join("b").send("m", "b").got("m", "a", "b")
    assert convicted(written.ended("a", 1011)) == said


def test_who_stays_though_the_server_stood_still_takes_one() -> None:
    written = H(Policy(limit=ONE, t_heartbeat=1.0)).join("a").pause(1.5).join("b").send("m", "b").got("m", "a", "b")
    assert convicted(written) == ["HF201 limit"]


@pytest.mark.parametrize(("ends", "said"), [(True, []), (False, ["HF204 wrong"])])
def test_nor_need_the_oldest_go_that_was_given_up(ends: bool, said: list[str]) -> None:
    policy = Policy(t_heartbeat=1.0, limit=Limit(2, "evict-oldest", codes=(4009,)))
    written = H(policy).join("a").pause(1.5).join("b").open("c").open("d").ok("c", "d").welcome("c", "d")
    written.ended("b", 4009).send("m", "c").got("m", "a", "d")
    assert convicted(written.ended("a", 1011) if ends else written) == said


@pytest.mark.parametrize(("ends", "said"), [(True, []), (False, ["HF405 missing"])])
def test_who_was_given_up_is_told_nothing(ends: bool, said: list[str]) -> None:
    written = H(Policy(t_heartbeat=1.0, t_presence=0.05)).join("a").pause(1.5).join("x", user="u1")
    written.controls(0.1, every=0.05).ask("a").present("a")
    assert convicted(written.ended("a", 1011) if ends else written) == said


# ---- HF301: a Pong that stands behind what is still on its way -------------------------------------------------------


@pytest.mark.parametrize(("taken", "said"), [(False, []), (True, ["HF301 close 1011"])])
def test_a_pong_waits_behind_what_the_kernel_has_not_taken(taken: bool, said: list[str]) -> None:
    written = H(Policy(t_heartbeat=1.0, backlog=None)).join("a", "b").controls(0.3, every=0.05)
    written.send("s", "b").got("s", "a").send("m", "a", size=5_000_000, flushed=taken)
    assert convicted(written.controls(0.6, every=0.05).ended("a", 1011)) == said


# ---- HF303: a server that ticks --------------------------------------------------------------------------------------


def ticked(written: H, seconds: float, pace: float) -> H:
    for _ in range(int(seconds * pace)):
        written.wait(round(1 / pace, 6)).frame("a", '{"type": "tick"}')
    return written


@pytest.mark.parametrize(("silent", "said"), [("pause", []), ("wait", ["HF303 storm"])])
def test_a_server_that_stands_still_does_not_tick(silent: str, said: list[str]) -> None:
    written = ticked(H().join("a", "b"), 1.0, 60)
    assert convicted(ticked(written.pause(2.0) if silent == "pause" else written.wait(2.0), 4.0, 60)) == said


@pytest.mark.parametrize(("silent", "said"), [("before", []), ("after", ["HF303 storm"])])
def test_nor_to_who_is_no_member(silent: str, said: list[str]) -> None:
    written = H().open("a").ok("a")
    written = written.wait(0.5).welcome("a") if silent == "before" else written.welcome("a").wait(0.5)
    assert convicted(ticked(written, 5.0, 60)) == said


@pytest.mark.parametrize(("silent", "said"), [("before", []), ("after", ["HF303 storm"])])
def test_nor_to_who_is_not_in_the_room_that_ticks(silent: str, said: list[str]) -> None:
    written = H(Policy(group="room")).join("a", "b")
    written = written.wait(1.0).sub("a") if silent == "before" else written.sub("a").wait(1.0)
    assert convicted(ticked(written, 5.0, 100)) == said


# ---- HF201: a control connection that reads its own messages back ----------------------------------------------------


@pytest.mark.parametrize(("reopened", "said"), [(True, []), (False, ["HF201 limit"])])
def test_a_control_connection_that_goes_may_have_been_off_the_list(reopened: bool, said: list[str]) -> None:
    written = H(Policy(limit=Limit(2, "evict-any", codes=(4009,), scope="global"), echo="always"))
    written.add(Outsiders, held=1, pair=1).controls(0.1, every=0.05).join("a").join("b").wait(0.03).controls(0.1)
    written.send("m", "a").got("m", "b", "a").send("n", "b").got("n", "a", "b").controls(0.1)
    assert convicted(written.add(Outsiders, held=2, pair=1) if reopened else written) == said


# ---- HF301: refused by an end without a Close frame, which 1006 stands for -------------------------------------------

Code = Literal[1006, 4009]


@pytest.mark.parametrize(("code", "said"), [(1006, []), (4009, ["HF301 end of stream without a Close frame"])])
def test_an_end_without_a_close_is_a_refusal_where_1006_says_so(code: Code, said: list[str]) -> None:
    written = H(Policy(limit=Limit(1, codes=(code,)), join_evidence="handshake")).join("a").open("b").ok("b")
    assert convicted(written.ended("b", SrvEof)) == said
