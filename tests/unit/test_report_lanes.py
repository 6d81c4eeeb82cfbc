"""Lanes: a rule a batch, ops in the order of release, answers below, and what is wrong marked as such."""

from __future__ import annotations

import pytest
from histories import H
from rich.cells import cell_len

from fuzzer.history import SendInv, ServerExit, Skip
from fuzzer.plan import Batch, Drop, Open, Plan, Send
from fuzzer.report.glyphs import ASCII, UNICODE, Glyphs
from fuzzer.report.lanes import MOST_LANES, draw
from fuzzer.report.scene import scene_of
from fuzzer.verdict import Finding


def opened(*conns: str, user: str = "u0") -> Batch:
    return Batch(tuple(Open(conn=conn, user=user) for conn in conns))


def finding(code: str, *witness: int, conns: tuple[str, ...] = ()) -> Finding:
    return Finding(code, "violated", "k", "s", "e", "o", witness=witness, conns=conns)


def lines(plan: Plan, history: H | None = None, found: Finding | None = None, width: int = 80) -> list[str]:
    written = history.history() if history else None
    return [line.plain for line in draw(scene_of(plan, written, found), width)]


LOSS = Plan((opened("a", "b", "c"), Batch((Send(conn="a", msg="m0"), Drop(conn="b")), after="instant")))


def lost() -> H:
    return H().phase("batch:0").join("a", "b", "c").phase("batch:1").send("m0", "a").drop("b").got("m0", "a")


def test_a_plan_alone_is_its_ops_in_their_order() -> None:
    assert lines(LOSS) == [
        "  a (u0)                b (u0)                c (u0)",
        "── 1 ───────────────────────────────────────────────────────────────",
        "┌ open u0",
        "│                       open u0",
        "└                                             open u0",
        "── 2, at once ──────────────────────────────────────────────────────",
        "┌ send m0",
        "└                       drop reset",
    ]


def test_a_delivery_that_is_missing_stands_in_the_lane_that_misses_it() -> None:
    history = lost()
    sent = [i for i, e in enumerate(history.history().events) if isinstance(e, SendInv)]
    assert lines(LOSS, history, finding("HF101", *sent, conns=("a", "c")))[5:] == [
        "── 2, at once ──────────────────────────────────────────────────────",
        "┌ * send m0",
        "└                       drop reset",
        "  got m0                                      ✗ m0 missing",
        "  ✗ what is wrong   * evidence   ┌└ in the same instant, from top to bottom",
    ]


def test_the_last_witness_is_what_is_wrong_where_nothing_is_missing() -> None:
    plan = Plan((opened("a"), Batch((Send(conn="a", msg="m0"),))))
    history = H().phase("batch:0").join("a").phase("batch:1").send("m0", "a").got("m0", "a", "a")
    last = len(history.events) - 1
    drawn = lines(plan, history, finding("HF103", last - 1, last))
    assert drawn[-3:] == ["  * got m0", "  ✗ got m0", "  ✗ what is wrong   * evidence"]


def test_what_concerns_no_connection_stands_across_the_lanes() -> None:
    history = H().phase("batch:0").join("a").add(ServerExit, status=7)
    drawn = lines(Plan((opened("a"),)), history, finding("HF502", len(history.events) - 1))
    assert "  ✗ the hub's process ended with status 7" in drawn


def test_skipped_ops_say_so_and_ends_are_shown() -> None:
    plan = Plan((opened("a", "b"), Batch((Send(conn="b", msg="m0"),))))
    history = H().phase("batch:0").open("a", "b").ok("a").refused("b").phase("batch:1")
    history.add(Skip, conn="b", op="send", why="refused").ended("a", 1011)
    drawn = lines(plan, history)
    assert "                        refused status 429" in drawn
    assert "                        (send skipped)" in drawn
    assert "  hub closes 1011" in drawn


def test_many_deliveries_to_one_connection_become_one_cell() -> None:
    plan = Plan((opened("a"), Batch((Send(conn="a", msg="m0", count=40),))))
    history = H().phase("batch:0").join("a").phase("batch:1").send("m0", "a")
    for number in range(40):
        history.got(f"m0.{number}", "a")
    assert lines(plan, history)[-1] == "  got m0.0 to m0.39"


def test_fences_are_not_shown_unless_they_prove_something() -> None:
    plan = Plan((opened("a", "b"),))
    history = H().phase("batch:0").join("a", "b").phase("fence").send("~a@~0", "a").got("~a@~0", "a", "b")
    assert not any("~" in line for line in lines(plan, history))
    proof = finding("HF201", len(history.events) - 1)
    assert any("✗ got ~a@~0" in line for line in lines(plan, history, proof))


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("number", [1, 2, 5, MOST_LANES, MOST_LANES + 1, 30])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_any_number_of_connections_fits(number: int, width: int, glyphs: Glyphs) -> None:
    conns = [f"conn{i}" for i in range(number)]
    user = "東京タワー"
    plan = Plan(
        (opened(*conns, user=user), Batch(tuple(Send(conn=c, msg=f"m{i}", size=10**6) for i, c in enumerate(conns))))
    )
    drawn = [line.plain for line in draw(scene_of(plan), width, glyphs)]
    assert all(cell_len(line) <= width for line in drawn)
    for conn in conns:
        assert sum(conn in line.split() for line in drawn) >= 1, "every connection has its name"
    assert sum("send" in line for line in drawn) == number


def test_many_connections_are_a_list_with_the_same_marks() -> None:
    conns = tuple(f"c{i}" for i in range(MOST_LANES + 1))
    plan = Plan((opened(*conns), Batch((Send(conn="c0", msg="m0"),))))
    history = H().phase("batch:0").join(*conns).phase("batch:1").send("m0", "c0").got("m0", *conns[:-1])
    sent = [i for i, e in enumerate(history.history().events) if isinstance(e, SendInv)]
    drawn = lines(plan, history, finding("HF101", *sent, conns=("c0", conns[-1])))
    assert "  c0  * send m0" in drawn
    assert f"  {conns[-1]}  ✗ m0 missing" in drawn


def test_wide_characters_keep_the_columns_straight() -> None:
    plan = Plan((Batch((Open(conn="a", user="東京"), Open(conn="b", user="u1"))), Batch((Send(conn="b", msg="m0"),))))
    head, _, first, second, _, third = lines(plan)
    column = cell_len(head.partition("b (")[0])
    assert first == "┌ open 東京"
    assert cell_len(second.partition("open")[0]) == column
    assert cell_len(third.partition("send")[0]) == column


def test_a_witness_that_is_not_there_draws_nothing_wrong() -> None:
    plan = Plan((opened("a"),))
    assert lines(plan, H().phase("batch:0").join("a"), finding("HF301", -4, 10**6)) == lines(plan)
