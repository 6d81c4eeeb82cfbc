"""HF403 zombie and HF405 presence: who is gone is gone, who is there is there."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.plan import DropKind
from fuzzer.policy import Limit, Policy

BEAT = Policy(t_heartbeat=2.0, t_presence=0.5)
SEEN = Policy(t_presence=0.5)
SLOTS = Policy(t_heartbeat=2.0, limit=Limit(1, codes=(1008,), statuses=(429,)))
NOTHING: set[str] = set()
ZOMBIE = {"HF403 violated"}
PRESENCE = {"HF405 violated"}


def asked(written: H, *users: str) -> H:
    return written.ask("w").present("w", *users)


def watched(policy: Policy = BEAT, *conns: str) -> H:
    """w of user u9 watches; the others belong to u0."""
    return H(policy).join("w", user="u9").join(*(conns or ("a",)))


# ---- zombies -------------------------------------------------------------------------------------------------------


def test_who_vanished_long_ago_is_still_listed() -> None:
    written = asked(watched().drop("a", "vanish").controls(2.7), "u9", "u0")
    assert says(written) == ZOMBIE
    assert obligations(written, "HF403") == 1


def test_who_answers_no_ping_is_still_listed() -> None:
    assert says(asked(watched().fault("a", "mute").controls(2.7), "u9", "u0")) == ZOMBIE


def test_who_answers_no_ping_still_receives() -> None:
    written = watched(BEAT, "a", "b").fault("a", "mute").controls(2.2).send("m", "b").got("m", "b", "a")
    assert says(written) == ZOMBIE


def test_the_slot_of_who_vanished_is_still_held() -> None:
    written = H(SLOTS).join("a").drop("a", "vanish").controls(2.2).open("b").refused("b")
    assert says(written) == ZOMBIE


@pytest.mark.parametrize(
    "written",
    [
        asked(watched().drop("a", "vanish").controls(2.2), "u9", "u0"),
        asked(watched().drop("a", "vanish").controls(60, ok=False), "u9", "u0"),
        asked(watched().drop("a", "vanish").controls(1.2).pause(3).controls(1.0), "u9", "u0"),
        asked(watched().drop("a", "vanish").controls(2.7), "u9"),
        asked(watched(BEAT, "a", "b").drop("a", "vanish").controls(2.7), "u9", "u0"),  # b is there
        asked(watched(SEEN).drop("a", "vanish").controls(60), "u9", "u0"),  # no heartbeat is declared
        asked(watched().fault("a", "mute").controls(2).send("m", "a").controls(2), "u9", "u0"),  # it spoke again
        asked(watched().drop("a", "vanish").controls(2.7).open("b"), "u9", "u0"),  # b may be there already
        asked(watched().drop("a", "vanish").controls(2.2).drop("a").controls(1), "u9", "u0"),
        watched(BEAT, "a", "b").fault("a", "mute").send("m", "b").controls(2.2).got("m", "a"),  # late on its way
        H(SLOTS).join("a").drop("a", "vanish").controls(1.8).open("b").refused("b"),
        H(SLOTS).join("a").drop("a", "vanish").controls(2.2).open("b").refused("b", 503),
        H(SLOTS).join("a").drop("a", "vanish").controls(2.2).open("b", "c").refused("b").ok("c"),
        H(SLOTS).open("a").drop("a", "vanish").controls(9).open("b").refused("b"),  # never finished its handshake
        H(SLOTS).join("a").fault("a", "mute").controls(1.9).ended("a", 1011).controls(0.2).open("b").refused("b"),
        asked(H(BEAT).join("a").drop("a", "vanish").restart().join("w", user="u9").controls(2.7), "u9", "u0"),
    ],
    ids=["in-time", "unhealthy", "paused", "unlisted", "sibling", "no-dial", "spoke", "newcomer", "reset", "late",
         "slot-in-time", "other-reason", "race", "handshake", "reaped", "restart"],
)  # fmt: skip
def test_no_proof_of_a_zombie(written: H) -> None:
    assert "HF403" not in {found.split()[0] for found in says(written)}


# ---- presence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("end", "seconds"), [("close", 2.8), ("reset", 5.8), ("fin", 5.8)])
def test_a_user_who_has_gone_is_still_listed(end: DropKind | str, seconds: float) -> None:
    written = watched(SEEN)
    written = written.closed("a") if end == "close" else written.drop("a", end)  # type: ignore[arg-type]
    assert says(asked(written.controls(seconds), "u9", "u0")) == PRESENCE


def test_a_user_whose_other_connection_left_is_not_listed() -> None:
    written = asked(watched(SEEN, "a", "b").controls(0.7).closed("a"), "u9")
    assert says(written) == PRESENCE
    assert obligations(written, "HF405") == 2


@pytest.mark.parametrize(
    "written",
    [
        asked(watched(SEEN).controls(0.7), "u9", "u0"),
        asked(watched(SEEN).closed("a").controls(2.2), "u9", "u0"),  # not yet due
        asked(watched(SEEN).drop("a").controls(4), "u9", "u0"),
        asked(watched(SEEN).drop("a", "vanish").controls(60), "u9", "u0"),
        asked(watched(SEEN).closed("a").controls(60), "u9"),
        asked(watched(SEEN).controls(0.4), "u9"),  # joined only just now
        asked(watched(SEEN).controls(60, ok=False)),
        asked(watched(SEEN).controls(0.2).pause(3).controls(0.2)),
        asked(H(SEEN).join("w", user="u9").controls(0.7).open("a").ok("a"), "u9"),  # a 101 is no membership
        asked(watched(SEEN).controls(0.7).fault("a", "malformed:not-json"), "u9"),
        watched(SEEN).controls(0.7).ask("w").close_begun("a").present("w", "u9"),
        watched(SEEN).closed("a").controls(3).ask("w").open("b").present("w", "u9", "u0"),
        asked(watched(Policy()).controls(60)),
        watched(SEEN).controls(0.7).fault("w", "malformed:not-json").ask("w").present("w"),
    ],
    ids=["there", "closing", "dropped", "vanished", "gone", "new", "unhealthy", "paused", "101", "fault", "closes",
         "opens", "no-dial", "asker"],
)  # fmt: skip
def test_answers_that_may_be_right(written: H) -> None:
    assert says(written) == NOTHING


def test_answers_belong_to_questions_in_their_order() -> None:
    written = watched(SEEN).closed("a").controls(2.6).ask("w").ask("w").present("w", "u9").present("w", "u9", "u0")
    assert says(written) == PRESENCE
