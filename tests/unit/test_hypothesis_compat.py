"""Every assumption about private names of Hypothesis."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

from strategies._hypothesis_compat import UNIFORM_BACKEND, UniformProvider, inherited, register_uniform_backend


def draws(strategy: st.SearchStrategy[int], base: int = 1, examples: int = 400) -> list[int]:
    found: list[int] = []

    @seed(base)
    @settings(
        backend=register_uniform_backend(),
        max_examples=examples,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: int) -> None:
        found.append(value)

    collect()
    return found


def test_the_backend_is_known_by_name_and_registering_twice_is_harmless() -> None:
    assert register_uniform_backend() == register_uniform_backend() == UNIFORM_BACKEND
    assert AVAILABLE_PROVIDERS[UNIFORM_BACKEND] is UniformProvider
    assert settings(backend=UNIFORM_BACKEND).backend == UNIFORM_BACKEND


def test_the_provider_is_new_for_each_test_case_and_seeded_by_the_engine() -> None:
    assert UniformProvider.lifetime == "test_case"
    assert draws(st.integers(0, 99)) == draws(st.integers(0, 99))
    assert draws(st.integers(0, 99)) != draws(st.integers(0, 99), base=2)


def test_bounded_integers_are_even_and_never_constants_from_imported_modules() -> None:
    assert hasattr(HypothesisProvider, "_maybe_draw_constant")  # what UniformProvider overrides
    found = draws(st.integers(0, 9_999), examples=2_000)
    assert 4_500 < sum(found) / len(found) < 5_500  # Hypothesis' own distribution is far below
    assert len(set(found)) > 1_700


def test_no_mutation_and_no_growth() -> None:
    assert len(draws(st.integers(0, 1_000_000), examples=50)) == 50  # one call for each example, no more


def test_unbounded_integers_and_other_types_still_work() -> None:
    assert len(draws(st.integers())) > 10
    assert all(isinstance(value, int) for value in draws(st.text().map(len), examples=30))


def test_settings_inside_inherited_do_not_come_from_the_outer_test() -> None:
    quiet = settings(suppress_health_check=list(HealthCheck), deadline=None)
    before = settings().deadline
    with inherited(quiet):
        assert settings().suppress_health_check == tuple(HealthCheck)
        assert settings().deadline is None
    assert settings().deadline == before


def test_generation_leaves_global_random_alone() -> None:
    random.seed(77)
    expected = random.Random(77).random()
    draws(st.integers(0, 9), examples=10)
    assert random.random() == pytest.approx(expected)
