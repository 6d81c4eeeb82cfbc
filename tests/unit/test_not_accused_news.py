"""Who came and who left may be told to others by the very frame that welcomes or answers; and what else greets."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.history import Joined, SubInv, UnsubInv, UnsubOk
from fuzzer.invariants import judge
from fuzzer.policy import Policy


def convicted(written: H) -> list[str]:
    return sorted({f"{f.code} {f.key}" for f in judge(written.history()).violations})


# ---- HF602: the frame that welcomes also tells who comes (or is there), and another's is read first --------------


@pytest.mark.parametrize(("news", "said"), [(True, []), (False, ["HF602 identity"])])
def test_another_name_may_be_read_before_ones_own(news: bool, said: list[str]) -> None:
    """active.append(ws); user = await db.get(...); await broadcast({"type": "join", "user": user})"""
    written = H(Policy(group="all" if news else "user")).open("a").open("b", user="u1").ok("a", "b")
    written.named("a", "u1").welcome("a")  # b was quicker with the database, and a is on the list already
    if news:
        written.named("a", "u0").welcome("a")
    assert convicted(written.named("b", "u1").welcome("b")) == said


@pytest.mark.parametrize(("early", "said"), [(True, []), (False, ["HF602 identity"])])
def test_who_leaves_may_not_have_come_to_its_own_name(early: bool, said: list[str]) -> None:
    written = H(Policy()).join("b", user="u1").named("b", "u1").open("a").ok("a").named("a", "u1").welcome("a")
    assert convicted(written.drop("a").phase("drain") if early else written.phase("drain").closed("a")) == said


def test_who_is_there_already_may_be_told_first() -> None:
    written = H(Policy(group="all")).join("b", user="u1").named("b", "u1").open("a").ok("a")
    written.named("a", "u1").welcome("a").named("a", "u0").welcome("a").named("b", "u0").welcome("b")
    assert convicted(written) == []


def test_a_name_of_one_who_never_came_is_no_news() -> None:
    written = H(Policy(group="all")).join("b", user="u1").named("b", "u1").open("a").ok("a")
    written.named("a", "u2").named("a", "u0").join("c", user="u2")
    assert convicted(written) == ["HF602 identity"]


# ---- rooms in which everybody is told who comes and goes, by the frame that answers ------------------------------


@pytest.mark.parametrize(("told", "said"), [(True, []), (False, ["HF106 unsubscribed"])])
def test_that_another_left_is_no_answer_to_ones_own_leaving(told: bool, said: list[str]) -> None:
    written = H(Policy(group="room")).join("a", "b", "c").sub("a", "b", "c")
    written.add(UnsubInv, conn="b", room="r0").add(UnsubInv, conn="c", room="r0").add(UnsubOk, conn="c", room="r0")
    if told:  # b has left: all in the room are told
        written.add(UnsubOk, conn="a", room="r0").add(UnsubOk, conn="b", room="r0")
    assert convicted(written.send("m", "a", room="r0").got("m", "c")) == said


@pytest.mark.parametrize(("told", "said"), [(True, []), (False, ["HF101 gap:room"])])
def test_that_another_came_is_no_answer_to_who_comes_back(told: bool, said: list[str]) -> None:
    written = H(Policy(group="room")).join("a", "b", "c").sub("a", "c")
    written.add(UnsubInv, conn="c", room="r0").add(SubInv, conn="c", room="r0").add(SubInv, conn="b", room="r0")
    for name in ("a", "b", "c") if told else ("b", "c"):
        written.add(Joined, conn=name, group="room:r0")
    written.send("m1", "a", room="r0").got("m1", "b").add(UnsubOk, conn="c", room="r0")
    for name in ("a", "b", "c") if told else ():
        written.add(Joined, conn=name, group="room:r0")
    assert convicted(written.send("m2", "a", room="r0").got("m2", "b", "c")) == said


@pytest.mark.parametrize(("told", "said"), [(True, []), (False, ["HF101 gap:room"])])
def test_that_another_came_may_be_told_to_everybody(told: bool, said: list[str]) -> None:
    written = H(Policy(group="room")).join("a", "b", "c", "d").sub("a")
    written.add(SubInv, conn="b", room="r0").add(SubInv, conn="c", room="r0")
    for name in ("b", "c", *(("a", "d") if told else ())):
        written.add(Joined, conn=name, group="room:r0")  # b has come; c's request is not handled yet
    written.send("m1", "a", room="r0").got("m1", "b")
    for name in ("a", "b", "c", "d") if told else ():
        written.add(Joined, conn=name, group="room:r0")
    assert convicted(written.send("m2", "a", room="r0").got("m2", "b", "c")) == said


# ---- HF101: a welcome that is told to all tabs of the user --------------------------------------------------------


@pytest.mark.parametrize(("again", "said"), [(True, []), (False, ["HF101 gap:user"])])
def test_of_several_welcomes_the_last_is_its_own(again: bool, said: list[str]) -> None:
    """for tab in all_sockets: tab.send({"type": "joined", "user": user}); await register(ws)"""
    written = H(Policy(join_evidence="welcome")).join("a").open("b").ok("b").open("c").ok("c")
    written.welcome("b", "c").send("m0", "c")  # b hears that c is there, and is not on the list itself
    if again:
        written.welcome("b")
    written.send("m1", "c")
    assert convicted(written.got("m0", "a", "c").got("m1", "a", "b", "c")) == said


def test_what_comes_after_the_last_welcome_is_owed() -> None:
    written = H(Policy(join_evidence="welcome")).join("a").open("b").ok("b").welcome("b", "b")
    assert convicted(written.send("m0", "a").send("m1", "a").got("m0", "a").got("m1", "a", "b")) == ["HF101 gap:user"]


def test_another_welcome_takes_no_other_evidence_away() -> None:
    written = H(Policy(join_evidence="handshake")).join("a", "b").send("m0", "a").send("m1", "a").welcome("b")
    assert convicted(written.got("m0", "a").got("m1", "a", "b")) == ["HF101 gap:user"]
