"""draw_plans: the same plans for the same seed wherever it runs, and sensible ones."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzer.plan import (
    MalformedKind,
    Open,
    Plan,
    Send,
    TokenKind,
)
from fuzzer.plan_rules import kind_of, problems
from fuzzer.values import encode
from strategies import Shape, draw_plans
from strategies.season import BREATH

FULL = Shape(
    limit=3,
    rooms=True,
    sessions=True,
    tokens=tuple(kind for kind in get_args(TokenKind) if kind != "brief"),
    malformed=get_args(MalformedKind),
    presence=True,
    started=True,
    restartable=True,
    measured=True,
    waits=(0.5, 1.0),
    expiry=2.5,
    given_up=1.0,
)
SHAPES = {
    "full": FULL,
    "bare": Shape(),
    "limit 1": Shape(limit=1, sessions=True, takeover=True),
    "limit 10": Shape(limit=10),
    "evict": Shape(limit=2, over="evict-oldest", sessions=True),
    "group room": Shape(group="room", rooms=True),
    "group all": Shape(group="all", rooms=True, limit=2),
    "tiny frames": Shape(max_size=1_500),
    "nothing bad": Shape(kinds=(), odd_names=False),
    "long bursts": Shape(burst=257),
    "whole messages": Shape(fragments=False),
    "one user": Shape(max_users=1, max_conns=4),
}
MANY = 700
ROOT = Path(__file__).parents[2]


@cache
def full_plans() -> tuple[Plan, ...]:
    return tuple(draw_plans(FULL, seed=11, count=MANY))


def fingerprint(plans: list[Plan]) -> str:
    return hashlib.sha256(b"\n".join(encode(plan) for plan in plans)).hexdigest()


SCRIPT = """
import sys
{imports}
from typing import get_args
from fuzzer.plan import TokenKind
from strategies import Shape, draw_plans
from tests.unit.test_draw import FULL, fingerprint
print(fingerprint(list(draw_plans(FULL, seed=5, count=80))))
"""


@pytest.mark.parametrize(
    ("env", "imports"),
    [
        ({"PYTHONHASHSEED": "1"}, ""),
        ({"PYTHONHASHSEED": "2", "CI": "true"}, "import fuzzer.history, fuzzer.scenarios"),
        (
            {"HYPOTHESIS_PROFILE": "ci", "GITHUB_ACTIONS": "true"},
            "import hypothesis; hypothesis.settings.load_profile('ci')",
        ),
    ],
    ids=["hash seed 1", "hash seed 2, CI", "CI profile loaded"],
)
def test_another_process_draws_the_same_plans(env: dict[str, str], imports: str) -> None:
    here = fingerprint(list(draw_plans(FULL, seed=5, count=80)))
    clean = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTHONHASHSEED")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(imports=imports)],
        env=clean | env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == here
    assert done.stderr == ""


def test_under_ci_other_seeds_still_mean_other_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with_ci = [fingerprint(list(draw_plans(FULL, seed, 20))) for seed in (1, 2, 3)]
    assert len(set(with_ci)) == 3


def test_asking_for_more_begins_with_the_same() -> None:
    assert list(draw_plans(FULL, 3, 70))[:15] == list(draw_plans(FULL, 3, 15))
    assert list(draw_plans(FULL, 3, 0)) == []


def test_inside_a_trio_program() -> None:
    async def main() -> list[Plan]:
        await trio.lowlevel.checkpoint()
        return list(draw_plans(FULL, 3, 20))

    assert trio.run(main) == list(draw_plans(FULL, 3, 20))


def test_inside_a_hypothesis_test() -> None:
    seen = []

    @settings(max_examples=3, database=None, deadline=None)
    @given(st.integers(0, 5))
    def outer(number: int) -> None:
        seen.append(list(draw_plans(FULL, number, 5)) == list(draw_plans(FULL, number, 5)))

    outer()
    assert seen
    assert all(seen)


def test_global_random_state_is_left_alone() -> None:
    state = random.getstate()
    list(draw_plans(FULL, 4, 30))
    assert random.getstate() == state


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    list(draw_plans(FULL, 4, 30))
    assert capfd.readouterr() == ("", "")


def test_nothing_is_written(tmp_path: Path) -> None:
    script = "from strategies import Shape, draw_plans; print(len(list(draw_plans(Shape(), 1, 20))))"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, timeout=60)
    assert done.stdout.strip() == b"20", done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_plan_twice_and_none_empty() -> None:
    plans = full_plans()
    assert len(plans) == MANY
    assert len({encode(plan) for plan in plans}) == MANY
    assert all(plan.size() > 0 for plan in plans)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_plan_is_sensible_and_within_its_shape(shape: Shape) -> None:
    for plan in draw_plans(shape, 21, 150):
        assert problems(plan) == ()
        opens = [op for op in plan.ops() if isinstance(op, Open)]
        assert len(opens) <= shape.max_conns
        assert len(plan.users()) <= shape.max_users
        assert {op.token for op in opens} - {"brief"} <= set(shape.tokens)
        assert shape.expiry or "brief" not in {op.token for op in opens}
        assert shape.started or not any(batch.frozen or batch.restart for batch in plan.batches)
        assert {batch.wait for batch in plan.batches} <= {0.0, BREATH, *shape.waits, shape.expiry, shape.given_up}
        assert shape.measured or plan.cycles == 1
        assert shape.sessions or {op.session for op in opens} == {None}
        assert shape.rooms or not any(getattr(op, "room", None) for op in plan.ops())
        assert {kind_of(op) for op in plan.ops()} <= allowed_kinds(shape)
        assert all(op.size <= shape.largest(op.fill) for op in plan.ops() if isinstance(op, Send))


def allowed_kinds(shape: Shape) -> set[str]:
    kinds = {"open", "send", *shape.kinds} - {"held"}
    kinds |= {"subscribe", "unsubscribe"} if shape.rooms else set()
    kinds |= {"query"} if shape.presence else set()
    kinds |= {"finish"} if "held" in shape.kinds else set()
    return kinds | ({"resume"} if "stall" in shape.kinds else set())


def test_a_session_is_never_shared_by_two_users() -> None:
    for plan in full_plans():
        owner: dict[str, str] = {}
        for op in plan.ops():
            if isinstance(op, Open) and op.session:
                assert owner.setdefault(op.session, op.user) == op.user


def test_a_shape_with_few_plans_gives_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = full_plans()[:2]
    monkeypatch.setattr("strategies.draw._draw_batch", lambda *_args: [one, other, one])
    assert list(draw_plans(FULL, 1, 5)) == [one, other, one, other, one]
