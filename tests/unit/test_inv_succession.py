"""HF404 succession: the old end of a session damages the new one."""

from __future__ import annotations

import msgspec
import pytest
from histories import H, obligations, says

from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy

TAKEOVER = Policy(sessions="takeover")
DAMAGED = {"HF404 violated"}


def taken_over(policy: Policy = TAKEOVER) -> H:
    """b takes over the session of a; c is another connection of the user."""
    return H(policy).join("c").join("a", session="s").join("b", session="s")


def deaf(written: H, seconds: float = 5.2) -> H:
    return written.send("m", "c").controls(seconds).quiet(complete=False)


def test_the_heir_is_closed_after_the_end_of_the_old_one() -> None:
    written = taken_over().ended("a", 4001).ended("b", 1000)
    assert says(written) == DAMAGED
    assert obligations(written, "HF404") == 1


@pytest.mark.parametrize("end", ["close", "reset", "vanish"])
def test_the_heir_hears_nothing_more_after_the_end_of_the_old_one(end: str) -> None:
    written = taken_over()
    written = written.closed("a") if end == "close" else written.drop("a", end)  # type: ignore[arg-type]
    assert says(deaf(written)) == DAMAGED


def test_the_server_notices_the_old_end_only_after_the_heir_has_come() -> None:
    written = H(TAKEOVER).join("c").join("a", session="s").drop("a").join("b", session="s")
    assert says(deaf(written)) == DAMAGED


def test_it_is_told_once() -> None:
    written = deaf(taken_over().ended("a", 4001))
    assert says(written) == DAMAGED
    assert [f.code for f in judge(written.history(), skip=["HF404"]).violations] == ["HF101"]


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        (deaf(taken_over().ended("a", 4001), 3.0), {"HF101 inconclusive"}),
        (taken_over().ended("a", 4001).send("m", "c").got("m", "b").quiet(), set()),
        (deaf(taken_over()), {"HF101 violated"}),  # the old one has not ended
        (taken_over().ended("b", 1000), {"HF301 violated"}),
        (deaf(taken_over(Policy()).closed("a")), {"HF101 violated"}),
        (deaf(H(TAKEOVER).join("c").join("a", session="s").join("b", session="t").closed("a")), {"HF101 violated"}),
        (taken_over().ended("a", 4001).join("d", session="s").ended("b", 4001), set()),  # taken over in its turn
        (taken_over().ended("a", 4001).drop("b").ended("b", 1006), set()),
        (taken_over().ended("a", 4001).send("m0", "c").send("m1", "c").got("m1", "b"), {"HF101 violated"}),
        (taken_over().ended("a", 4001).lag(1).ended("b", 1000), {"HF404 inconclusive"}),
    ],
    ids=["in-time", "heard", "no-end", "before", "no-dial", "other-session", "in-turn", "own-drop", "hole", "late"],
)
def test_what_is_no_damage_by_the_old_end(written: H, codes: set[str]) -> None:
    assert says(written) == codes


# ---- coming back at the limit ----------------------------------------------------------------------------------------

BEATING = Policy(sessions="takeover", t_heartbeat=1.0, limit=Limit(max=1, statuses=(429,)))
AT_THE_LIMIT = Policy(sessions="takeover", limit=Limit(max=1, statuses=(429,)))


def back(policy: Policy = AT_THE_LIMIT, session: str = "s") -> H:
    """a has joined with the session s; b comes, and is refused because of the limit."""
    return H(policy).join("a", session="s").open("b", session=session).refused("b")


def test_who_comes_back_at_the_limit_is_refused_because_of_its_predecessor() -> None:
    assert says(back()) == DAMAGED
    assert obligations(back(), "HF404") == 1
    (finding,) = judge(back().history()).violations
    assert finding.conns == ("b", "a")
    assert finding.key == "refused"


def test_nor_may_a_vanished_predecessor_keep_it_out() -> None:
    assert (
        says(H(AT_THE_LIMIT).join("a", session="s").drop("a", "vanish").open("b", session="s").refused("b")) == DAMAGED
    )


@pytest.mark.parametrize(("waited", "said"), [(0.3, set()), (1.2, DAMAGED)])
def test_a_process_that_has_not_heard_of_the_session_may_refuse_it(waited: float, said: set[str]) -> None:
    policy = msgspec.structs.replace(AT_THE_LIMIT, t_evict=0.6)
    written = H(policy).join("a", session="s").controls(waited, every=0.05).open("b", session="s").refused("b")
    assert says(written) == said


@pytest.mark.parametrize(
    "written",
    [
        back(session="t"),
        back(Policy(limit=AT_THE_LIMIT.limit)),
        H(AT_THE_LIMIT).join("a", session="s").open("c").open("b", session="s").refused("b"),
        H(AT_THE_LIMIT).open("a", session="s").open("b", session="s").refused("b").ok("a").welcome("a"),
        H(AT_THE_LIMIT).join("a", session="s").closed("a").open("b", session="s").refused("b"),
        H(AT_THE_LIMIT).join("a", session="s").drop("a").open("b", session="s").refused("b"),
        H(AT_THE_LIMIT).join("a", session="s").open("b", session="s").close_begun("a").refused("b"),
        H(AT_THE_LIMIT).join("a", session="s").open("b", session="s").ok("b").open("c", session="s").refused("c"),
        H(BEATING).join("a", session="s").drop("a", "vanish").open("b", session="s").refused("b"),
        H(AT_THE_LIMIT).join("a", session="s").open("b", session="s").refused("b", 403),
        H(AT_THE_LIMIT).join("a", session="s").open("b", session="s").ok("b").welcome("b"),
    ],
    ids=[
        "other-session",
        "no-dial",
        "somebody-else",
        "at-once",
        "closed",
        "dropped",
        "closing",
        "two heirs",
        "given up",
        "other-reason",
        "let-in",
    ],
)
def test_what_may_be_refused(written: H) -> None:
    assert "HF404 violated" not in says(written)
