"""A hub that passes on reader by reader, races of those who must go, and places that others give back."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.facts import Facts
from fuzzer.invariants import judge
from fuzzer.plan import Send
from fuzzer.policy import Limit, Policy


def convicted(written: H) -> list[str]:
    return sorted({f"{f.code} {f.key}" for f in judge(written.history()).violations})


# ---- slots (HF202, HF203, HF204, HF405, HF401, HF403): a handler that still passes on ----------------------------


def passes_on(wait: float) -> H:
    """a's Close is answered by the protocol layer; its handler still awaits one reader after the other."""
    written = H(Policy(limit=Limit(4, statuses=(429,)))).join("a", "b", "x", "y").send("m", "a").got("m", "b")
    return written.closed("a").controls(1.2, every=0.05).got("m", "x").controls(wait, every=0.05)


@pytest.mark.parametrize(("wait", "said"), [(1.2, []), (2.5, ["HF202 refused-below-limit"])])
def test_a_handler_ends_when_the_last_reader_has_got_it(wait: float, said: list[str]) -> None:
    assert convicted(passes_on(wait).open("c").refused("c")) == said


def blocked(policy: Policy, wait: float, size: int = 6_000_000, how: str = "close") -> H:
    """await asyncio.wait_for(x.send(m), 4): less than the deadline, more than t_release."""
    written = (
        H(policy)
        .join("b", user="u1")
        .join("x", user="u2")
        .join("a")
        .fault("x", "stall")
        .send("m", "a", size=size)
        .got("m", "b")
    )
    written = written.closed("a") if how == "close" else written.drop("a", how)  # type: ignore[arg-type]
    return written.controls(wait, every=0.05)


SLOTS = Limit(1, statuses=(429,))


@pytest.mark.parametrize(
    ("wait", "size", "said"),
    [(3.5, 6_000_000, []), (7.5, 6_000_000, ["HF202 refused-below-limit"]), (3.5, 100, ["HF202 refused-below-limit"])],
)
def test_a_handler_that_waits_for_one_who_stalls_keeps_its_slot(wait: float, size: int, said: list[str]) -> None:
    policy = Policy(group="all", limit=SLOTS, backlog=None)
    assert convicted(blocked(policy, wait, size).open("c").refused("c")) == said


@pytest.mark.parametrize(("healed", "said"), [(False, []), (True, ["HF202 refused-below-limit"])])
def test_a_lossless_one_as_long_as_it_stalls(healed: bool, said: list[str]) -> None:
    policy = Policy(group="all", limit=SLOTS, backlog=None, slow_consumer="lossless")
    written = blocked(policy, 12.0)
    if healed:
        written.healed("x").got("m", "x").controls(7.5, every=0.05)
    assert convicted(written.open("c").refused("c")) == said


@pytest.mark.parametrize(("wait", "said"), [(4.0, []), (8.0, ["HF405 ghost"])])
def test_and_its_presence(wait: float, said: list[str]) -> None:
    written = blocked(Policy(group="all", t_presence=0.3, backlog=None), wait)
    assert convicted(written.ask("b").present("b", "u0", "u1", "u2")) == said


@pytest.mark.parametrize(("wait", "said"), [(4.0, []), (8.0, ["HF403 zombie"])])
def test_and_so_does_one_that_vanished(wait: float, said: list[str]) -> None:
    written = blocked(Policy(group="all", t_heartbeat=1.0, limit=SLOTS, backlog=None), wait, how="vanish")
    assert convicted(written.open("c").refused("c")) == said


# ---- HF101 silence: a broadcast that is passed on reader by reader is progress -----------------------------------


@pytest.mark.parametrize(("step", "more", "said"), [(1.5, 0.9, []), (0.0, 6.0, ["HF101 silence:user"])])
def test_a_message_waits_until_the_one_before_it_has_reached_all(step: float, more: float, said: list[str]) -> None:
    written = H().join("a", "c", "d", "e", "f").send("m0", "a").send("m1", "a").got("m0", "c")
    for name in "def":
        written.controls(step, every=0.05).got("m0", name)
    assert convicted(written.controls(more, every=0.05).quiet(False)) == said


@pytest.mark.parametrize(("step", "more", "said"), [(1.5, 0.9, []), (0.0, 6.0, ["HF101 silence:user"])])
def test_the_last_reader_waits_for_all_before_it(step: float, more: float, said: list[str]) -> None:
    written = H().join("a", "c", "d", "e", "f").send("m0", "a")
    for name in "cde":
        written.controls(step, every=0.05).got("m0", name)
    assert convicted(written.controls(more, every=0.05).quiet(False)) == said


# ---- HF204 wrong: two had to go, and the younger was told first --------------------------------------------------


@pytest.mark.parametrize(("both", "said"), [(True, []), (False, ["HF204 wrong"])])
def test_of_two_that_must_go_either_may_be_told_first(both: bool, said: list[str]) -> None:
    policy = Policy(group="all", limit=Limit(2, "evict-oldest", codes=(4009,)))
    written = H(policy).join("x", user="u1").join("a", "b").open("c", *(("d",) if both else ()))
    written.ok("c").ended("b", 4009).send("m", "x").got("m", "a").ended("a", 4009).welcome("c")
    assert convicted(written) == said


# ---- HF105: a copy to its sender leaks nothing -------------------------------------------------------------------


@pytest.mark.parametrize(("echo", "said"), [("always", []), ("either", []), ("never", ["HF105 room"])])
def test_who_publishes_to_a_room_from_outside_may_be_answered_with_a_copy(echo: str, said: list[str]) -> None:
    written = H(Policy(group="room", echo=echo)).join("a", "b").sub("b").send("m", "a", room="r0")  # type: ignore[arg-type]
    assert convicted(written.got("m", "a", "b")) == said


# ---- HF201 rooms: a mate gives the place back --------------------------------------------------------------------


@pytest.mark.parametrize(("sessions", "said"), [("takeover", []), ("independent", ["HF201 rooms"])])
def test_a_mate_that_leaves_gives_the_place_back(sessions: str, said: list[str]) -> None:
    written = H(Policy(group="room", max_rooms=1, sessions=sessions)).join("b", "c").sub("b").sub("c", room="r1")  # type: ignore[arg-type]
    written.join("a", session="s").sub("a").join("a2", session="s").unsub("a2").sub("a", room="r1")
    written.send("n", "c", room="r1").got("n", "c", "a").unsub("a2", room="r1").sub("a2")
    assert [c for c in convicted(written.send("m", "b", room="r0").got("m", "b", "a", "a2")) if "HF201" in c] == said


# ---- the limit -------------------------------------------------------------------------------------------------------


def test_who_is_a_member_by_time_is_not_refused_by_the_refusal_of_another() -> None:
    """After t_join a is taken for a member; the next event of the history happens to be the refusal of c."""
    policy = Policy(join_evidence="handshake", t_join=0.3, limit=Limit(1, statuses=(429,)))
    written = H(policy).open("a", user="u1").ok("a").open("b").ok("b").open("c").controls(0.3, every=0.05)
    written.wait(0.06).refused("c").controls(1.0, every=0.05)
    facts = Facts(written.history())
    assert facts.conns["a"].je == facts.conns["c"].rejected
    assert convicted(written) == []


# ---- vacuous: after such a message no refusal and no leaked slot is convicted (what might be read out "crowds") ---


@pytest.mark.parametrize("size", [100, 3000])
@pytest.mark.parametrize(("role", "said"), [("plan", "HF202 refused-below-limit"), ("slot", "HF203 slot")])
def test_a_message_of_one_who_has_left_explains_no_refusal(size: int, role: str, said: str) -> None:
    written = H(Policy(limit=Limit(2, statuses=(429,))), Send("a", "m", size=size)).join("a", "b")
    written.send("m", "a", size=size).got("m", "a", "b").closed("a").controls(9.0).send("~1", "b").got("~1", "b")
    assert convicted(written.open("c", role=role).refused("c")) == [said]  # type: ignore[arg-type]


def test_who_is_read_out_to_may_be_too_slow_for_it() -> None:
    """The same code may tell both."""
    written = H(Policy(limit=Limit(2, codes=(1013,))), Send("a", "m", size=3000)).join("a", "b")
    written.send("m", "a", size=3000).got("m", "a", "b").closed("a").controls(9.0)
    assert convicted(written.open("c").ok("c").ended("c", 1013)) == []
