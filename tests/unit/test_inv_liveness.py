"""HF501 liveness and HF502 crash: the server goes on doing its job (SPEC 2.7 and 3)."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.policy import Limit, Policy, RateScope

LIMITED = Policy(limit=Limit(2, codes=(1008,), statuses=(429,)))
NOTHING: set[str] = set()
DEAD = {"HF501 violated"}


def canary(policy: Policy | None = None, welcomed: bool = False) -> H:
    """After a plan a fresh user has opened two connections."""
    written = H(policy).join("a").closed("a").phase("canary")
    names = ("canary.0", "canary.1")
    if welcomed:
        return written.join(*names, user="canary", role="canary")
    written.welcomes_count = False
    return written.open(*names, user="canary", role="canary").ok(*names)


def fenced(written: H, *receivers: str) -> H:
    return written.send("~canary.0@~0", "canary.0").got("~canary.0@~0", *receivers)


def test_a_fresh_user_is_served() -> None:
    written = fenced(canary(), "canary.0", "canary.1").quiet()
    assert says(written) == NOTHING
    assert obligations(written, "HF501") == 2


def test_a_fresh_user_hears_nothing_while_others_are_answered() -> None:
    assert says(fenced(canary()).controls(5.2).quiet(complete=False)) == DEAD


def test_one_that_was_welcomed_is_owed_its_messages_besides() -> None:
    assert says(fenced(canary(welcomed=True)).controls(5.2).quiet(complete=False)) == {*DEAD, "HF101 violated"}


@pytest.mark.parametrize(
    ("rate", "scope", "said"),
    [(2, "user", NOTHING), (3, "user", DEAD), (2, "connection", DEAD), (1, "connection", NOTHING), (9, "ip", NOTHING)],
)
def test_a_fence_above_the_rate_may_be_ignored(rate: int, scope: RateScope, said: set[str]) -> None:
    """Two openings of its user, and one fence."""
    policy = Policy(rate=rate, rate_scope=scope)
    assert says(fenced(canary(policy)).controls(5.2).quiet(complete=False)) == said


@pytest.mark.parametrize(
    ("evidence", "others", "seconds", "said"),
    [
        ("welcome", True, 6.0, DEAD),
        ("welcome", True, 4.8, NOTHING),  # the welcome may still come
        ("welcome", False, 6.0, NOTHING),  # this hub may welcome nobody
        ("fence", True, 6.0, NOTHING),
    ],
)
def test_a_fresh_user_is_let_in_but_never_welcomed(evidence: str, others: bool, seconds: float, said: set[str]) -> None:
    """The fence waits for nobody then, and is complete."""
    written = H(Policy(join_evidence=evidence))  # type: ignore[arg-type]
    written = (written.join("a") if others else written.open("a").ok("a")).closed("a").phase("canary")
    written.open("canary.0", user="canary", role="canary").ok("canary.0").controls(seconds).quiet()
    assert says(written.closed("canary.0")) == said


def test_nobody_at_all_is_answered() -> None:
    assert says(fenced(canary()).controls(5.2, ok=False).quiet(complete=False)) == DEAD


@pytest.mark.parametrize(
    "written",
    [
        fenced(canary()).controls(4.8),
        fenced(canary()).controls(4.8, ok=False),
        fenced(canary()).wait(60),
        fenced(canary()).controls(3).lag(2).controls(1.8),
        fenced(canary()).controls(3, ok=False).lag(1).controls(3, ok=False),
        fenced(canary(Policy(deadline=9))).controls(8, ok=False),
        fenced(canary(Policy(t_join=3))).controls(7),
    ],
    ids=["short", "short-dead", "unasked", "own-lag", "own-lag-dead", "longer-deadline", "joins-slowly"],
)
def test_a_silence_that_proves_nothing(written: H) -> None:
    assert says(written.quiet(complete=False)) == {"HF501 inconclusive"}


@pytest.mark.parametrize(
    "written",
    [
        fenced(canary()).controls(60),  # no fence failed
        fenced(canary(), "canary.0", "canary.1").controls(60).quiet(complete=False),
        H().join("a").send("m", "a").controls(60).phase("canary"),  # the canary never opened
        canary().closed("canary.0", "canary.1").controls(60).quiet(complete=False),
    ],
    ids=["no-fence", "served", "none", "closed"],
)
def test_no_silence_of_the_canary(written: H) -> None:
    assert says(written) == NOTHING


def test_a_fresh_user_is_refused_because_of_the_limit() -> None:
    written = H(LIMITED).phase("canary").open("canary.0", user="canary", role="canary")
    assert says(written.refused("canary.0")) == DEAD


def test_a_fresh_user_is_closed_because_of_the_limit() -> None:
    assert says(canary(LIMITED).ended("canary.0", 1008)) == DEAD
    assert says(canary(LIMITED).lag(1).ended("canary.0", 1008)) == {"HF501 inconclusive"}


@pytest.mark.parametrize("policy", [LIMITED, Policy()])
def test_a_fresh_user_is_refused_for_reasons_of_which_the_policy_says_nothing(policy: Policy) -> None:
    written = H(policy).phase("canary").open("canary.0", user="canary", role="canary")
    assert says(written.refused("canary.0", 503)) == {"HF501 inconclusive"}
    assert says(canary(policy).ended("canary.0", 1011)) == {"HF501 inconclusive"}


def test_what_is_proved_is_told_before_what_is_not() -> None:
    written = H(LIMITED).phase("canary").open("canary.0", "canary.1", user="canary", role="canary")
    assert says(written.refused("canary.0", 503).refused("canary.1")) == DEAD


def in_a_room(refused: bool) -> H:
    """The canaries meet in a room that perhaps refuses the second of them."""
    written = H(Policy(group="room", echo="always")).open("a").ok("a").closed("a").phase("canary")
    written.open("canary.0", "canary.1", user="canary", role="canary").ok("canary.0", "canary.1")
    written.sub("canary.0", room="canary").sub("canary.1", room="canary", answered=not refused)
    if refused:
        written.not_joined("canary.1", "canary")
    return written.send("~0", "canary.0", room="canary")


@pytest.mark.parametrize(("refused", "asked"), [(False, 2), (True, 1)])
def test_in_hubs_of_rooms_the_canaries_must_hear_of_each_other_in_one(refused: bool, asked: int) -> None:
    written = in_a_room(refused).got("~0", "canary.0").controls(5.2).quiet(complete=False)
    assert "HF501 violated" in says(written) if not refused else says(written) == NOTHING
    assert obligations(written, "HF501") == asked


def test_of_canaries_to_which_nothing_was_sent_nothing_is_known() -> None:
    written = H(Policy(group="room")).open("a").ok("a").closed("a").phase("canary")
    written.open("canary.0", user="canary", role="canary").ok("canary.0").send("~0", "canary.0").quiet()
    assert obligations(written, "HF501") == 0


@pytest.mark.parametrize(("seconds", "said"), [(6.5, DEAD), (0.2, {"HF501 inconclusive"})])
def test_it_is_silent_since_something_was_sent_and_not_since_it_was_opened(seconds: float, said: set[str]) -> None:
    """One may wait long for a slot of the other, and then the machine sleeps."""
    written = canary().controls(6.5).send("~0", "canary.0").controls(seconds).lag(20)
    assert says(written.quiet(complete=False)) == said


def test_without_a_canary_nothing_was_checked() -> None:
    assert obligations(H().join("a"), "HF501") == 0
    assert obligations(H().phase("canary"), "HF501") == 0


# ---- crash ---------------------------------------------------------------------------------------------------------


def test_the_process_ends() -> None:
    assert says(H().phase("batch:0").join("a").exit(-11)) == {"HF502 violated"}


def test_an_error_is_logged() -> None:
    assert says(H().phase("batch:0").join("a").log()) == {"HF502 violated"}


def test_nothing_is_logged_and_nothing_ends() -> None:
    written = H().phase("batch:0").join("a").closed("a")
    assert says(written) == NOTHING
    assert obligations(written, "HF502") == 1
    assert obligations(H(), "HF502") == 0
