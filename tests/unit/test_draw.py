"""draw_plans: the same plans for the same seed wherever it runs, sensible ones, and enough of everything."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzer.plan import (
    AbandonKind,
    Close,
    Drop,
    DropKind,
    Malformed,
    MalformedKind,
    Open,
    Plan,
    Resume,
    Send,
    Separator,
    Stall,
    TokenKind,
    Wire,
)
from fuzzer.plan_rules import kind_of, problems
from fuzzer.values import encode
from strategies import PAIRS, Shape, draw_plans, racing_pairs
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


def share(found: Counter[str], label: str) -> float:
    return found[label] / MANY


@cache
def contents() -> Counter[str]:
    """In how many plans each thing occurs."""
    found: Counter[str] = Counter()
    for plan in full_plans():
        found.update({kind_of(op) for op in plan.ops()})
        found.update(f"pair {label}" for label in racing_pairs(plan))
        found.update({f"after {batch.after}" for batch in plan.batches[1:]})
        found.update({f"drop {op.how}" for op in plan.ops() if isinstance(op, Drop)})
        found.update({f"malformed {op.kind}" for op in plan.ops() if isinstance(op, Malformed)})
        found.update({f"abandon {op.abandon}" for op in plan.ops() if isinstance(op, Open)})
        found.update({f"token {op.token}" for op in plan.ops() if isinstance(op, Open)})
        found.update({f"fill {op.fill}" for op in plan.ops() if isinstance(op, Send)})
        found.update({f"wire {op.wire}" for op in plan.ops() if isinstance(op, Send)})
        found.update({"held" for op in plan.ops() if isinstance(op, Open) and op.held})
        found.update({"half" for op in plan.ops() if isinstance(op, Close) and op.half})
        found.update({"frozen" for batch in plan.batches if batch.frozen})
        slow = (b for b in plan.batches if b.wait > BREATH or b.restart or b.frozen > 0.05)
        found.update({"slow" for _ in slow})
        found.update({"slow"} if plan.cycles > 1 else ())
    return found


@pytest.mark.parametrize("pair", sorted({pair.label for pair in PAIRS}))
def test_every_pair_occurs(pair: str) -> None:
    assert share(contents(), f"pair {pair}") >= 0.006


@pytest.mark.parametrize(
    "label",
    [
        *(f"drop {kind}" for kind in get_args(DropKind)),
        *(f"malformed {kind}" for kind in get_args(MalformedKind)),
        *(f"abandon {kind}" for kind in get_args(AbandonKind)),
        *(f"token {kind}" for kind in get_args(TokenKind)),
        *(f"after {kind}" for kind in get_args(Separator)),
        *("fill unicode", "fill escapes", "fill markup", "stall", "resume", "mute", "unsubscribe"),
        *(f"wire {kind}" for kind in get_args(Wire)),
        *("held", "finish", "half", "ping", "query", "frozen"),
    ],
)
def test_every_fault_and_form_occurs(label: str) -> None:
    assert share(contents(), label) >= 0.006


def test_what_takes_long_is_rare_but_all_of_it_occurs() -> None:
    assert 0.005 <= share(contents(), "slow") <= 0.07
    assert share(contents(), "frozen") <= 0.25
    times = Shape(started=True, restartable=True, measured=True, waits=(1.0,), expiry=2.0, given_up=1.5)
    plans = list(draw_plans(times, seed=5, count=3_000))
    batches = [batch for plan in plans for batch in plan.batches]
    assert {batch.wait for batch in batches} == {0.0, BREATH, 1.0, 1.5, 2.0}
    assert 3 <= sum(batch.restart for batch in batches) <= 60
    assert 3 <= sum(plan.cycles > 1 for plan in plans) <= 30


def test_most_plans_have_somebody_to_lose_a_message() -> None:
    assert sum(heard(plan) for plan in full_plans()) / MANY >= 0.6


def heard(plan: Plan) -> bool:
    """Is there a send while two of its user's connections are open?"""
    users: dict[str, str] = {}
    for batch in plan.batches:
        for op in batch.ops:
            if isinstance(op, Send) and list(users.values()).count(users.get(op.conn, "")) >= 2:
                return True
        for op in batch.ops:
            if isinstance(op, Open) and not op.abandon and op.token == "valid":
                users[op.conn] = op.user
            elif isinstance(op, Close | Drop | Malformed):
                users.pop(op.conn, None)
    return False


def floods(plan: Plan, shape: Shape) -> int:
    return sum(op.size * op.count >= shape.stall_bytes for op in plan.ops() if isinstance(op, Send))


def test_floods_are_rare_few_and_behind_a_stall() -> None:
    flooded = [plan for plan in full_plans() if floods(plan, FULL)]
    assert 0.02 <= len(flooded) / MANY <= 0.10
    for plan in flooded:
        assert floods(plan, FULL) == 1
        kinds = [(n, op) for n, batch in enumerate(plan.batches) for op in batch.ops]
        first_flood = next(n for n, op in kinds if isinstance(op, Send) and op.size * op.count >= FULL.stall_bytes)
        assert any(isinstance(op, Stall) and n < first_flood for n, op in kinds)


def test_cheap_floods_are_less_rare() -> None:
    cheap = Shape(stall_bytes=300_000)
    assert sum(bool(floods(plan, cheap)) for plan in draw_plans(cheap, 11, 1_200)) >= 72


def test_stalls_only_where_a_flood_follows() -> None:
    with_stall = [plan for plan in full_plans() if any(isinstance(op, Stall) for op in plan.ops())]
    assert all(floods(plan, FULL) for plan in with_stall)
    assert any(isinstance(op, Resume) for plan in with_stall for op in plan.ops())


def test_opens_go_below_to_and_above_the_limit() -> None:
    first = Counter(
        sum(op.user == "u0" for batch in plan.batches[:1] for op in batch.ops if isinstance(op, Open))
        for plan in draw_plans(Shape(limit=3), 8, 300)
    )
    assert min(first[2], first[3], first[4]) >= 20


def test_a_shape_with_few_plans_gives_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = full_plans()[:2]
    monkeypatch.setattr("strategies.draw._draw_batch", lambda *_args: [one, other, one])
    assert list(draw_plans(FULL, 1, 5)) == [one, other, one, other, one]
