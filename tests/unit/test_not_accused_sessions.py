"""Correct hubs whose sessions are taken over: what the old end still holds, and what is kept for the new one."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy

ONE = Limit(1, statuses=(429,))


def convicted(written: H) -> list[str]:
    return [finding.code for finding in judge(written.history()).violations]


# HF404: a hub may have a heartbeat of which it promises nothing. It has given the old end up, forgotten its session,
#        and is about to release the slot.
@pytest.mark.parametrize(("seconds", "said"), [(0.3, ["HF404"]), (0.6, []), (3.0, [])])
def test_a_heartbeat_that_nobody_declared_may_have_ended_the_session(seconds: float, said: list[str]) -> None:
    written = H(Policy(sessions="takeover", limit=ONE)).join("a", session="s").drop("a", "vanish").controls(seconds)
    assert convicted(written.open("b", session="s").refused("b")) == said


# HF403: a hub that has begun to end a connection for another cause pings it no more, and waits for the answer to its
#        Close, which nobody who vanished sends; its slot is free t_release later.
BEATING = Policy(sessions="takeover", limit=Limit(2, statuses=(429,)), t_heartbeat=1.5, t_release=1.0, t_detect=1.0)


@pytest.mark.parametrize(("session", "more", "said"), [("s", 0.2, []), ("s", 1.2, ["HF403"]), (None, 0.2, ["HF403"])])
def test_who_vanished_may_be_about_to_be_closed_for_another_cause(
    session: str | None, more: float, said: list[str]
) -> None:
    written = H(BEATING).join("a", session="s").drop("a", "vanish").controls(1.4).join("b", session=session)
    assert convicted(written.controls(more).open("c").refused("c")) == said


# HF105 history: what a session missed while it had no connection is kept for the one that takes it over; the session
#                was in the group, so that the broadcast was not over.
@pytest.mark.parametrize(
    ("sessions", "session", "said"),
    [("takeover", "s", []), ("takeover", "t", ["HF105"]), ("independent", "s", ["HF105"])],
)
def test_what_a_session_has_missed_is_not_over(sessions: str, session: str, said: list[str]) -> None:
    written = H(Policy(sessions=sessions, replay="none")).join("a", "b").join("c", session="s").closed("c")  # type: ignore[arg-type]
    written.send("m", "a").send("n", "a").got("m", "a", "b").got("n", "a", "b")
    assert convicted(written.join("d", session=session).got("m", "d")) == said


# HF102, HF112: a hub may know senders by their session, so that the heir gets nothing that its old end still sends
@pytest.mark.parametrize(
    ("order", "echo", "session", "said"),
    [
        ("fifo", "either", "s", []),
        ("fifo", "always", "s", ["HF102"]),
        ("fifo", "either", "t", ["HF101"]),
        ("causal", "never", "s", []),
        ("causal", "never", "t", ["HF112"]),
    ],
)
def test_the_heir_may_be_spared_what_its_old_end_sends(order: str, echo: str, session: str, said: list[str]) -> None:
    policy = Policy(sessions="takeover", order=order, echo=echo)  # type: ignore[arg-type]
    written = H(policy).join("b").join("a", session="s").join("c", session=session).send("m", "a").got("m", "b")
    if order == "causal":
        assert convicted(written.send("n", "b").got("n", "c")) == said
        return
    if session == "s":
        written.ended("a", 4001)
    assert convicted(written.controls(5.2).quiet(complete=False)) == said


# HF301, HF404: who takes a session over may inherit its age (as HF204 has it), and a hub may end sessions that are old
@pytest.mark.parametrize(("session", "said"), [("s", []), ("t", ["HF301"])])
def test_a_session_may_be_too_old_though_its_connection_is_young(session: str, said: list[str]) -> None:
    written = (
        H(Policy(sessions="takeover", t_lifetime=4.0)).join("a", session="s").controls(3.8).join("b", session=session)
    )
    assert convicted(written.ended("a", 4001).controls(0.3).ended("b", 4000)) == said
