"""Races in their least form: one op against one message."""

from __future__ import annotations

from campaign_fakes import steps
from histories import H

from fuzzer.campaign.duels import MOST, duels
from fuzzer.history import History
from fuzzer.plan import Batch, Close, Drop, Op, Open, Plan, Send, Stall, Subscribe
from fuzzer.plan_rules import problems
from fuzzer.verdict import Finding

CROWD = steps(
    (Open("a", "u0"), Open("b", "u0"), Open("c", "u1"), Open("d", "u0")),
    (Send("a", "m0"), Send("c", "m1"), Stall("d")),
    (Close("a"), Drop("c", "reset")),
    Open("e", "u0"),
)


def about(plan: Plan, *conns: str, rooms: bool = False) -> list[Plan]:
    """The duels of a plan in which ``conns`` are those of the witnesses."""
    written = H()
    for op in plan.ops():
        if isinstance(op, Open):
            written.join(op.conn, user=op.user)
    finding = Finding("HF101", "violated", "k", "", "", "", (), conns)
    return list(duels(plan, finding, History(tuple(written.events), written.policy, plan)))


def met(*setting: Op, message: str, by: Op) -> tuple[Plan, Plan]:
    before, said = tuple(Batch((op,)) for op in setting), Send(message, "m0", size=1)
    return Plan((*before, Batch((said,)), Batch((by,), after="1ms"))), Plan((*before, Batch((said, by))))


def test_somebody_leaves_while_a_message_goes_out_or_in_the_same_instant() -> None:
    first, second = met(Open("a", "u0"), Open("b", "u0"), message="b", by=Close("a"))
    assert first in about(CROWD, "b")
    assert second in about(CROWD, "b")


def test_somebody_comes_while_a_message_goes_out() -> None:
    first, _ = met(Open("a", "u0"), message="a", by=Open("b", "u0"))
    assert first in about(CROWD, "a")


def test_strangers_are_left_out_and_all_make_sense() -> None:
    found = about(CROWD, "b")
    assert found
    assert all({op.user for op in plan.ops() if isinstance(op, Open)} == {"u0"} for plan in found)
    assert all(problems(plan) == () and plan.size() < CROWD.size() for plan in found)
    assert len(found) == len(set(map(str, found))) <= MOST


def test_in_a_room_the_message_goes_to_the_room() -> None:
    tabs = (Open("a", "u0"), Open("b", "u0"), Open("c", "u1"))
    rooms = steps(tabs, (Subscribe("a", "r0"), Subscribe("b", "r0")), Send("b", "m0"), Send("c", "m1"), Close("a"))
    setting = (Open("a", "u0"), Open("b", "u0"), Subscribe("a", "r0"), Subscribe("b", "r0"))
    expected = Plan(
        (
            *(Batch((op,)) for op in setting),
            Batch((Send("b", "m0", size=1, room="r0"),)),
            Batch((Close("a"),), after="1ms"),
        )
    )
    assert expected in about(rooms, "b")


def test_a_plan_that_is_small_already_has_none() -> None:
    assert about(met(Open("a", "u0"), Open("b", "u0"), message="b", by=Close("a"))[0], "b") == []
