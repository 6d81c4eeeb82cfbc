"""Which names a hub may fold into one."""

from __future__ import annotations

import pytest

from fuzzer.names import folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann", "aNN"),
        ("straße", "STRASSE"),
        ("é", "e\u0301"),
        ("ﬁ", "fi"),
        (" ann ", "ann"),
        ("a  b", "a b"),
        ("ann\u200b", "ann"),
        ("ann\u202e", "ann"),
    ],
)
def test_one_user_to_a_hub_that_folds(one: str, other: str) -> None:
    assert one != other
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ann", "ann1"), ("ann:r0", "ann"), ("ann%41", "annA"), ("7", "07"), ("é", "e"), ("a b", "ab"), ("a+b", "a b")],
)
def test_two_users_to_every_hub(one: str, other: str) -> None:
    assert folded(one) != folded(other)
