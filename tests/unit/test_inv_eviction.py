"""HF204 eviction: needless, the wrong victim, a stranger's (SPEC 2.6)."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy

EVICT = Policy(limit=Limit(2, "evict-oldest", codes=(4009,)))
ANY = Policy(limit=Limit(2, "evict-any", codes=(4009,)))
TAKEOVER = Policy(sessions="takeover", limit=Limit(2, "evict-oldest", codes=(4009,)))
LATE = Policy(t_evict=0.6, limit=Limit(2, "evict-oldest", codes=(4009,)))
NOTHING: set[str] = set()
EVICTED = {"HF204 violated"}


def keys(written: H) -> list[str]:
    return [f.key for f in judge(written.history()).violations]


def seen_alive(written: H, *conns: str) -> H:
    """Each of them gets what another one sends."""
    written.send("~0", conns[0]).send("~1", conns[-1])
    return written.got("~0", *conns[1:]).got("~1", *conns[:-1])


def test_an_eviction_at_the_limit_is_needless() -> None:
    written = H(EVICT).join("a", "b").ended("a", 4009)
    assert (says(written), keys(written)) == (EVICTED, ["needless"])
    assert obligations(written, "HF204") == 1


def test_an_eviction_of_a_younger_one_while_the_oldest_lives_on_is_wrong() -> None:
    written = seen_alive(H(EVICT).join("a", "b").join("c").ended("b", 4009), "a", "c")
    assert keys(written) == ["wrong"]


@pytest.mark.parametrize(("sender", "said"), [("a", []), ("c", ["wrong"])])
def test_its_own_message_back_shows_no_member(sender: str, said: list[str]) -> None:
    """Two have to go. A hub may take one off its lists, answer by hand what it still sends, and only then close it."""
    written = H(EVICT).join("a").join("b").join("c", "d").ended("b", 4009)
    assert keys(written.send("~", sender).got("~", "a").closed("a")) == said


@pytest.mark.parametrize(("session", "said"), [("s", []), ("r", ["wrong"])])
def test_an_answer_to_its_session_shows_no_member(session: str, said: list[str]) -> None:
    """What the old connection of a session sends may be answered by hand on the newest, which was just taken off."""
    written = H(TAKEOVER).join("z", session=session).join("a", session="s").join("b").join("c", "d").ended("b", 4009)
    assert keys(written.send("~", "z").got("~", "a").closed("a")) == said


def test_the_newest_instead_of_the_oldest_is_wrong() -> None:
    written = seen_alive(H(EVICT).join("a", "b").join("c").ended("c", 4009), "a", "b")
    assert keys(written) == ["wrong"]


def test_a_younger_one_than_the_oldest_is_needless_whatever_became_of_that() -> None:
    """Had the oldest gone by then, nobody would have had to go."""
    assert keys(H(EVICT).join("a", "b").join("c").ended("b", 4009)) == ["needless"]


def test_an_eviction_because_of_another_user_is_foreign() -> None:
    written = H(EVICT).join("a", "b").join("x", "y", user="u1").open("z", user="u1").ended("a", 4009)
    assert keys(written) == ["foreign"]


def test_two_evictions_for_one_opening() -> None:
    written = H(EVICT).join("a", "b").join("c").ended("a", 4009).ended("b", 4009)
    assert keys(written) == ["needless"]


@pytest.mark.parametrize(
    "written",
    [
        seen_alive(H(EVICT).join("a", "b").join("c").ended("a", 4009), "b", "c"),
        H(EVICT).join("a", "b").join("c").ended("b", 4000),  # closed for a reason of its own: HF301
        seen_alive(H(EVICT).open("a", "b").ok("a", "b").welcome("a", "b").join("c").ended("b", 4009), "a", "c"),
        seen_alive(H(ANY).join("a", "b").join("c").ended("b", 4009), "a", "c"),
        seen_alive(H(TAKEOVER).join("a", session="s").join("b").join("c", session="s").ended("a", 4001).join("d")
                   .ended("c", 4009), "b", "d"),
        H(EVICT).join("a", "b").fault("a", "malformed:not-json").ended("a", 4009),
        H(EVICT).join("a", "b").close_begun("a", 4009).ended("a", 4009),
        H(EVICT).join("a").open("b").ok("b").ended("b", 4009),  # it had not joined
        H(EVICT).join("a", "b").stop().ended("a", 4009),
    ],
    ids=["oldest", "code", "overlapped", "any", "inherited-age", "fault", "ours", "joining", "stop"],
)  # fmt: skip
def test_evictions_that_may_be_right(written: H) -> None:
    assert "HF204" not in {found.split()[0] for found in says(written)}


def test_an_eviction_is_told_once_and_by_its_best_name() -> None:
    written = H(EVICT).join("a", "b").ended("a", 4009)
    assert [f.code for f in judge(written.history(), only=["HF301"]).violations] == ["HF301"]
    assert says(written) == EVICTED


def test_an_eviction_hides_no_other_close() -> None:
    written = H(EVICT).join("a", "b").ended("a", 4009).ended("b", 1011)
    assert says(written) == {"HF204 violated", "HF301 violated"}


def test_when_hubfuzz_was_late_a_needless_eviction_is_not_proved() -> None:
    assert says(H(EVICT).join("a", "b").lag(2).ended("a", 4009)) == {"HF204 inconclusive"}


def test_without_eviction_or_codes_nothing_is_judged() -> None:
    for limit in (Limit(2, codes=(1008,)), Limit(2, "evict-oldest")):
        assert obligations(H(Policy(limit=limit)), "HF204") is None


# ---- where processes have to tell each other who goes (t_evict) ------------------------------------------------------


@pytest.mark.parametrize(("waited", "said"), [(0.3, NOTHING), (1.2, {"HF201 violated"})])
def test_who_has_to_go_may_stay_until_its_process_knows(waited: float, said: set[str]) -> None:
    written = H(LATE).join("a", "b", "c").controls(waited, every=0.05)
    assert says(seen_alive(written, "a", "b", "c")) == said


@pytest.mark.parametrize(("waited", "checked"), [(0.3, 0), (1.2, 3)])
def test_only_who_stays_so_long_is_something_to_check(waited: float, checked: int) -> None:
    written = H(LATE).join("a", "b", "c").controls(waited, every=0.05)
    assert obligations(seen_alive(written, "a", "b", "c"), "HF201") == checked


def test_time_in_which_the_server_stood_still_is_not_held_against_it() -> None:
    written = H(LATE).join("a", "b", "c").controls(0.2, every=0.05).wait(3.0).controls(0.2, every=0.05)
    assert says(seen_alive(written, "a", "b", "c")) == NOTHING


def test_those_that_stay_are_counted_not_those_that_went_in_time() -> None:
    written = H(LATE).join("a", "b", "c", "d").controls(0.3, every=0.05)
    written = seen_alive(written, "a", "b", "c", "d").ended("a", 4009).ended("b", 4009).controls(0.9, every=0.05)
    assert says(written.send("m", "d").got("m", "c", "d")) == NOTHING


@pytest.mark.parametrize(("waited", "said"), [(0.3, []), (1.2, ["HF201 limit", "HF204 wrong"])])
def test_an_older_one_may_be_told_later_than_a_younger_one(waited: float, said: list[str]) -> None:
    """Both had to go, by two processes; a closed before it was told."""
    written = H(LATE).join("a").join("b").join("c", "d").ended("b", 4009).controls(waited, every=0.05)
    written = seen_alive(written, "a", "c", "d").closed("a")
    assert [f"{f.code} {f.key}" for f in judge(written.history()).violations] == said


@pytest.mark.parametrize(
    ("leaves", "waited", "said"),
    [("d", 0.3, []), ("d", 1.2, []), ("", 0.3, []), ("", 1.2, ["HF201 limit", "HF204 wrong"])],
)
def test_an_older_one_may_stay_if_the_user_is_no_longer_above_when_its_process_looks(
    leaves: str, waited: float, said: list[str]
) -> None:
    """Both had to go, by two processes; d left after the first had looked, and before the second."""
    written = H(LATE).join("a").join("b").join("c", "d").controls(0.1, every=0.05).ended("b", 4009)
    written = written.closed(*leaves).controls(waited, every=0.05)
    written = seen_alive(written, "a", "c") if leaves else seen_alive(written, "a", "c", "d")
    assert [f"{f.code} {f.key}" for f in judge(written.history()).violations] == said


def test_where_one_has_to_go_a_younger_one_is_wrong_however_late() -> None:
    written = H(LATE).join("a").join("b").join("c").ended("b", 4009).controls(1.2, every=0.05)
    assert keys(seen_alive(written, "a", "c")) == ["wrong"]
