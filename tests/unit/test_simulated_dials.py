"""A simulated hub that has a way of its own is not accused under the dial that says so, and is without it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

import pytest
from msgspec.structs import replace
from simulated_driver import Driver
from simulated_plans import Case, Step, simulate
from simulated_rooms import OUT_OF_TURN
from simulated_world import Ways

from fuzzer.history import History, SendRej, SrvClose
from fuzzer.invariants import judge
from fuzzer.policy import Policy

SEEDS = range(20)
SUBSCRIBES = "open open fence sub room sub unsub sub room fence"
PROMISES = Policy(deadline=1.0, t_release=0.6, t_detect=0.8, join_evidence="welcome")


class Way(NamedTuple):
    """``kinds``: steps of the first connection, or of another (``room:1``). ``wrongly``: the same history, with what
    says so left out; ``code``: what is found then."""

    name: str
    ways: Ways
    policy: Policy
    kinds: str
    wrongly: Callable[[History], History]
    code: str
    cycles: int = 1


def _with(**dials: object) -> Callable[[History], History]:
    return lambda history: replace(history, policy=replace(history.policy, **dials))


def _unsaid(history: History) -> History:
    return replace(history, events=tuple(e for e in history.events if not isinstance(e, SendRej)))


WAYS = (
    Way(
        "users are in rooms",
        Ways(users_rooms=True),
        replace(PROMISES, rooms="user"),
        "open open sub fence room open fence room room fence",
        _with(rooms="connection"),
        "HF105",
    ),
    Way(
        "who speaks in a room is in it",
        Ways(publishing_joins=True),
        replace(PROMISES, publish_joins=True),
        "open open fence room room:1 fence room:1 room:1 fence",
        _with(publish_joins=False),
        "HF105",
    ),
    Way(
        "who speaks in a room that it has left is in it again",
        Ways(publishing_joins=True),
        replace(PROMISES, publish_joins=True),
        "open open fence sub sub:1 fence unsub fence room fence room:1 fence room:1 fence",
        _with(publish_joins=False),
        "HF106",
    ),
    Way(
        "some messages are refused by name",
        Ways(says_no=True, names_refused=True),
        PROMISES,
        "open open open fence send send send send send send fence",
        _unsaid,
        "HF101",
    ),
    Way(
        "some messages are refused without a name",
        Ways(says_no=True),
        PROMISES,
        "open open open fence send send send send send send fence",
        _unsaid,
        "HF101",
    ),
    Way(
        "bodies are plain text",
        Ways(plain_only=True),
        replace(PROMISES, body="plain"),
        "open open fence odd send fence odd send fence",
        _with(body="exact"),
        "HF101",
    ),
    Way(
        "a Close is answered by the end of TCP",
        Ways(hangs_up=True),
        replace(PROMISES, answers_close=False),
        "open open fence close wait fence",
        _with(answers_close=True),
        "HF504",
    ),
)


def _case(way: Way, seed: int) -> Case:
    words = (word.partition(":") for word in way.kinds.split())
    steps = tuple(Step(kind, int(who or 0), 0, 0.3) for kind, _, who in words)
    return Case(way.policy, way.ways, seed, pauses=(), freezes=(), steps=steps, cycles=way.cycles)


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
def test_only_the_dial_acquits(way: Way) -> None:
    histories = [simulate(_case(way, seed)).history() for seed in SEEDS]
    assert [finding.summary for history in histories for finding in judge(history).violations] == []
    found = {finding.code for history in histories for finding in judge(way.wrongly(history)).violations}
    assert way.code in found


def test_who_minds_no_turns_is_closed_by_a_hub_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's care is what keeps it from that, as the real one's does."""
    steps = tuple(Step(kind, 0, 0, 0.0) for kind in SUBSCRIBES.split())
    case = Case(replace(PROMISES, subscriptions="single"), Ways(), 0, pauses=(), freezes=(), steps=steps)
    assert not any(OUT_OF_TURN in _closes(case._replace(seed=seed)) for seed in SEEDS)
    monkeypatch.setattr(Driver, "may_speak", lambda *_: True)
    assert any(OUT_OF_TURN in _closes(case._replace(seed=seed)) for seed in SEEDS)


@pytest.mark.parametrize("users_rooms", [False, True])
def test_who_takes_turns_is_not_closed_by_it(users_rooms: bool) -> None:
    policy = replace(PROMISES, subscriptions="single", rooms="user" if users_rooms else "connection")
    for seed in SEEDS:
        rng = Random(seed)
        kinds = rng.choices(("open", "sub", "sub", "unsub", "room", "fence"), k=40)
        steps = tuple(Step(kind, 2 * rng.randint(0, 3), rng.randint(0, 3), rng.choice((0.0, 0.05))) for kind in kinds)
        case = Case(policy, Ways(users_rooms=users_rooms), seed, pauses=(), freezes=(), steps=steps)
        assert OUT_OF_TURN not in _closes(case)
        assert not judge(simulate(case).history()).violations


def _closes(case: Case) -> list[int]:
    return [event.code for event in simulate(case).history().events if isinstance(event, SrvClose)]
