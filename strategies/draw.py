"""Plans by the thousand: Hypothesis generates, nothing is executed. The same seed gives the same plans, anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count as numbers
from itertools import islice
from random import Random
from typing import Final

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from fuzzer.plan import Plan
from fuzzer.values import encode
from strategies._hypothesis_compat import inherited, register_uniform_backend
from strategies.machine import STEPS, HubMachine
from strategies.shape import Due, Shape
from strategies.swapped import most_with_twins, with_twins

# One plan of so many waits for what takes seconds to show. By the number, not by a draw: a minute then surely has some.
EVERY: Final[dict[Due, int]] = {"expiry": 250, "given-up": 80}
FIRST_EXPIRY: Final = (30, 100)  # plans
FIRST_BATCH: Final = 12  # so that the first plan is there at once
BATCH: Final = 50
LONG: Final = 0.5  # seconds
REMEMBERED: Final = 20_000  # plans; an old one that comes again is worth its run, and a night must not need more memory


class _Collector(HubMachine):
    """Draws for one shape and keeps the plans; says nothing to Hypothesis."""

    def __init__(self, shape: Shape, plans: list[Plan], first: int) -> None:
        super().__init__()
        self.draft.shape = replace(shape, due=due_at(first + len(plans)) or shape.due)
        self._plans = plans

    def announce(self, plan: Plan) -> None:
        """Nobody listens: there is no test whose statistics these could be."""

    def finish(self, plan: Plan) -> None:
        """Keep it."""
        self._plans.append(plan)


def draw_plans(shape: Shape, seed: int, count: int | None = None) -> Iterator[Plan]:
    """Different plans for this shape, ``count`` of them or without end; lazily, a few dozen at a time.

    Pure: the same shape and seed give the same plans in every process, whatever the environment, hash seed, Hypothesis
    profile or imported modules; global random state is left alone. A shape so narrow that it has no more plans gives
    the old ones again.
    """
    plans = _fresh_plans(shape, seed)
    return plans if count is None else islice(plans, count)


def draw_share(shape: Shape, seed: int, number: int) -> list[Plan]:
    """The plans of one share, each once. ``draw_plans`` goes through the shares 0, 1, 2 … of its seed; who works side
    by side takes some of them each, and together they try what one alone would."""
    seen: dict[bytes, None] = {}
    return [plan for plan in _draw_batch(shape, seed, number) if _is_new(plan, seen)]


def most_in_share(number: int) -> int:
    """No share has more plans."""
    return most_with_twins(_examples(number))


def due_at(place: int) -> Due:
    """What the plan at this place waits for."""
    return next((what for what, every in EVERY.items() if place % every == every - 1), "")


def _first(base_seed: int, number: int) -> int:
    """Where this share of plans begins; each seed begins elsewhere, so that waits come at another time.

    But soon: what shows only after a wait is to be found by a run of a minute, too."""
    soon = EVERY["expiry"] - Random(base_seed).randrange(*FIRST_EXPIRY)
    return sum(_examples(earlier) for earlier in range(number)) + soon


def _examples(number: int) -> int:
    return FIRST_BATCH if number == 0 else BATCH


def _fresh_plans(shape: Shape, base_seed: int) -> Iterator[Plan]:
    seen: dict[bytes, None] = {}
    for number in numbers():
        plans = _draw_batch(shape, base_seed, number)
        fresh = [plan for plan in plans if _is_new(plan, seen)]
        yield from fresh or plans


def _is_new(plan: Plan, seen: dict[bytes, None]) -> bool:
    """``seen`` has the digests of the last plans, in their order."""
    digest = hashlib.blake2b(encode(plan), digest_size=12).digest()
    known = digest in seen
    seen[digest] = None
    if len(seen) > REMEMBERED:
        del seen[next(iter(seen))]
    return not known


def _draw_batch(shape: Shape, base_seed: int, number: int) -> list[Plan]:
    plans: list[Plan] = []
    first = _first(base_seed, number)

    @seed(f"{base_seed}:{number}")
    def collector() -> _Collector:
        return _Collector(shape, plans, first)

    values = _settings(_examples(number))
    with inherited(values):
        run_state_machine_as_test(collector, settings=values)  # type: ignore[arg-type]  # a factory will do, say its docs
    if number == 0:
        plans.sort(key=_waits)  # what is found without waiting is found first
    return list(with_twins(plans, f"{base_seed}:{number}"))


def _waits(plan: Plan) -> bool:
    return any(batch.wait >= LONG for batch in plan.batches)


def _settings(examples: int) -> settings:
    """Every setting that matters is given, so that no profile (least of all the one for CI) can change the plans."""
    return settings(
        max_examples=examples,
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        stateful_step_count=STEPS,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        backend=register_uniform_backend(),
    )
