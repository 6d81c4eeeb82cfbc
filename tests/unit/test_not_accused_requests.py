"""A hub that works through requests (to join, to leave, who is there) shows it by its answers, as by deliveries."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.history import Joined, SubInv
from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy

ROOMS = Policy(group="room", backlog=None)
MUTE = Policy(group="room", t_heartbeat=1.0, t_presence=0.3, backlog=None)
SLOTS = Policy(group="room", limit=Limit(2, statuses=(429,)), t_detect=1.0, t_release=0.5, backlog=None)


def convicted(written: H) -> list[str]:
    return [finding.code for finding in judge(written.history()).violations]


def asks(written: H, times: int) -> H:
    for number in range(times):
        written.add(SubInv, conn="a", room=f"r{number}")
    return written


def answers(written: H, numbers: range, step: float) -> H:
    for number in numbers:
        written.controls(step, every=0.05).add(Joined, conn="a", group=f"room:r{number}")
    return written


@pytest.mark.parametrize(("seconds", "said"), [(0.1, []), (6.0, ["HF504"])])
def test_a_close_waits_behind_requests(seconds: float, said: list[str]) -> None:
    written = answers(asks(H(ROOMS).join("a"), 60).close_begun("a"), range(60), 0.1)
    assert convicted(written.controls(seconds, every=0.05).unanswered("a")) == said


@pytest.mark.parametrize(("step", "said"), [(0.1, []), (0.0, ["HF403"])])
def test_who_is_mute_is_silent_only_when_its_requests_are_read(step: float, said: list[str]) -> None:
    written = H(MUTE).join("a").join("b", user="u1").controls(0.2)
    answers(asks(written, 20).fault("a", "mute"), range(20), step)
    written.controls(0.0 if step else 1.5, every=0.05)
    assert convicted(written.ask("b").present("b", "u0", "u1")) == said


@pytest.mark.parametrize(("more", "said"), [(0.0, []), (5.5, ["HF202"])])
def test_the_end_of_tcp_comes_behind_requests_whose_answers_nobody_can_see(more: float, said: list[str]) -> None:
    written = asks(H(SLOTS).join("a", "b"), 20).drop("a", "fin")
    assert convicted(written.controls(1.5 + more, every=0.05).open("c").refused("c")) == said


@pytest.mark.parametrize(("answered", "said"), [(False, []), (True, ["HF202"])])
def test_what_was_answered_before_the_end_of_tcp_is_read(answered: bool, said: list[str]) -> None:
    written = asks(H(SLOTS).join("a", "b"), 1)
    answers(written, range(1 if answered else 0), 0.0).drop("a", "fin")
    assert convicted(written.controls(1.6, every=0.05).open("c").refused("c")) == said


@pytest.mark.parametrize(("step", "said"), [(0.1, []), (0.001, ["HF301"])])
def test_a_pong_waits_behind_requests_to_join(step: float, said: list[str]) -> None:
    written = asks(H(Policy(group="room", t_heartbeat=1.0, backlog=None)).join("a", "b").controls(0.2, every=0.05), 30)
    answers(written, range(15), step)
    if step < 0.05:
        answers(written, range(15, 30), 0.0).controls(1.5, every=0.05)
    assert convicted(written.ended("a", 1011)) == said


@pytest.mark.parametrize(("step", "said"), [(0.1, []), (0.001, ["HF301"])])
def test_a_pong_waits_behind_questions(step: float, said: list[str]) -> None:
    written = H(Policy(t_presence=0.5, t_heartbeat=1.0, backlog=None)).join("a", "b").controls(0.6, every=0.05)
    for _ in range(30):
        written.ask("a")
    for _ in range(15):
        written.controls(step, every=0.05).present("a", "u0")
    if step < 0.05:
        for _ in range(15):
            written.present("a", "u0")
        written.controls(1.5, every=0.05)
    assert convicted(written.ended("a", 1011)) == said


@pytest.mark.parametrize(("expires", "said"), [(2.0, []), (9.0, ["HF405"])])
def test_who_asks_when_its_token_is_over_may_be_told_nothing(expires: float, said: list[str]) -> None:
    written = H(Policy(t_presence=0.1)).join("b", user="u1").join("a", expires=expires).controls(3.0)
    assert convicted(written.ask("a").present("a")) == said


@pytest.mark.parametrize(("followed", "said"), [(True, []), (False, ["HF405"])])
def test_who_asks_when_its_session_is_another_s_may_be_told_nothing(followed: bool, said: list[str]) -> None:
    written = H(Policy(t_presence=0.1, sessions="takeover")).join("b", user="u1").join("a", session="s").controls(1.0)
    written = written.open("c", session="s" if followed else "t").ask("a").present("a", "u0")
    assert convicted(written) == said
