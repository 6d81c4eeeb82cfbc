"""Correct hubs across the end of their process; and frames that nobody asked for and nobody minds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from histories import H

from fuzzer.history import Outsiders, Restarted, SrvEof
from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy


def convicted(written: H) -> list[str]:
    return [f"{finding.code} {finding.key}" for finding in judge(written.history()).violations]


# ---- a server that was killed could release nothing (SPEC, E2) -------------------------------------------------------


@pytest.mark.parametrize("beat", [30.0, None])
@pytest.mark.parametrize(("status", "said"), [(None, []), (0, ["HF202 refused-below-limit"])])
def test_slots_that_a_killed_server_left_in_a_store(status: int | None, beat: float | None, said: list[str]) -> None:
    policy = Policy(limit=Limit(1, statuses=(429,)), t_heartbeat=beat)
    written = H(policy).join("a").stop().wait(9.0).stopped(status).add(Restarted).controls(6.0)
    assert convicted(written.open("c").refused("c")) == said


@pytest.mark.parametrize(("waited", "said"), [(6.0, []), (31.0, ["HF202 refused-below-limit"])])
def test_a_lease_ends_with_the_heartbeat(waited: float, said: list[str]) -> None:
    policy = Policy(limit=Limit(1, statuses=(429,)), t_heartbeat=30.0)
    written = H(policy).join("a").stop().wait(9.0).stopped(None).add(Restarted).controls(waited)
    assert convicted(written.open("c").refused("c")) == said


@pytest.mark.parametrize(("status", "said"), [(None, []), (0, ["HF203 slot"])])
def test_a_slot_is_tried_after_a_killed_server_in_vain(status: int | None, said: list[str]) -> None:
    written = H(Policy(limit=Limit(1, statuses=(429,)))).join("a").stop().wait(9.0).stopped(status)
    assert convicted(written.add(Restarted).controls(6.0).open("c", role="slot").refused("c")) == said


@pytest.mark.parametrize(("status", "said"), [(None, []), (0, ["HF405"])])
def test_who_a_killed_server_left_in_a_store_is_present(status: int | None, said: list[str]) -> None:
    policy = Policy(t_presence=0.5, t_heartbeat=30.0)
    written = H(policy).join("a", user="u1").stop().wait(9.0).stopped(status).add(Restarted)
    written.join("b").controls(7.0).ask("b").present("b", "u0", "u1")
    assert [finding.split()[0] for finding in convicted(written)] == said


ENDS: list[Callable[[H], H]] = [
    lambda h: h.join("a").stop().ended("a", SrvEof),
    lambda h: h.join("a").closed("a").stop(),
    lambda h: h.join("a").drop("a").stop(),
    lambda h: h.join("a").stop().ended("a", 1001),
    lambda h: h.open("a").stop().refused("a", None, "reset"),
    lambda h: h.open("a").stop().ok("a").welcome("a").ended("a", SrvEof),
]


@pytest.mark.parametrize("end", ENDS, ids=["eof", "closed", "dropped", "told", "undecided", "late"])
@pytest.mark.parametrize(("status", "said"), [(None, []), (-15, []), (143, []), (0, ["HF202 refused-below-limit"])])
def test_that_the_client_saw_its_end_frees_nothing_in_a_store(
    end: Callable[[H], H], status: int | None, said: list[str]
) -> None:
    """The kernel ends the sockets of who was killed, or of who does not handle SIGTERM: nobody has freed the slot. A
    shell or npm that had started it tells of that by its own status (128 and the signal)."""
    written = end(H(Policy(limit=Limit(1, statuses=(429,)), t_heartbeat=30.0)))
    written.wait(9.0).stopped(status).add(Restarted).controls(8.0)
    assert convicted(written.open("c").refused("c")) == said


@pytest.mark.parametrize(("before", "after"), [(0.0, 31.0), (6.0, 6.0)])
def test_what_was_free_before_a_server_was_killed_or_its_lease_is_over_stays_free(before: float, after: float) -> None:
    written = H(Policy(limit=Limit(1, statuses=(429,)), t_heartbeat=30.0)).join("a").closed("a").controls(before)
    written.stop().stopped(None).add(Restarted).controls(after)
    assert convicted(written.open("c").refused("c")) == ["HF202 refused-below-limit"]


@pytest.mark.parametrize(("status", "said"), [(None, []), (-9, []), (137, []), (0, ["HF405 ghost"])])
def test_who_was_cut_off_by_a_kill_may_be_listed_until_the_lease_ends(status: int | None, said: list[str]) -> None:
    written = H(Policy(t_presence=0.5, t_heartbeat=30.0)).join("a", user="u1").stop().ended("a", SrvEof)
    written.stopped(status).add(Restarted).join("b").controls(7.0).ask("b").present("b", "u0", "u1")
    assert convicted(written) == said


@pytest.mark.parametrize(
    ("status", "before", "said"), [(-15, 0.1, []), (-15, 6.0, ["HF203 slot"]), (0, 0.1, ["HF203 slot"])]
)
def test_what_earlier_plans_had_let_go_may_be_kept_by_a_killed_server(
    status: int, before: float, said: list[str]
) -> None:
    """Where all share a limit: the last closings of the plan before were not yet through."""
    written = H(Policy(limit=Limit(5, statuses=(429,), scope="global"))).add(Outsiders, held=2, pair=2, earlier=True)
    written.controls(before).stop().stopped(status).add(Restarted).controls(8.0)
    assert convicted(written.open("c", role="slot").refused("c")) == said


@pytest.mark.parametrize(
    ("status", "after", "said"),
    [(-9, 8.0, []), (-9, 31.0, ["HF202 refused-below-limit"]), (0, 8.0, ["HF202 refused-below-limit"])],
)
def test_what_the_control_pair_held_may_be_kept_by_a_killed_server(status: int, after: float, said: list[str]) -> None:
    policy = Policy(limit=Limit(4, statuses=(429,), scope="global"), t_heartbeat=30.0)
    written = H(policy).add(Outsiders, held=2, pair=2).controls(6.0).stop().stopped(status).add(Restarted)
    written.add(Outsiders, held=2, pair=2).controls(after)
    assert convicted(written.open("c").refused("c")) == said


# ---- a server that is told to end cancels what is under way, and flushes queues as may be ----------------------------


@pytest.mark.parametrize(("stop", "said"), [(True, []), (False, ["HF101 gap:user"])])
def test_a_broadcast_that_is_cancelled(stop: bool, said: list[str]) -> None:
    written = H().join("a", "b", "c").send("m1", "a").send("m2", "a")
    if stop:
        written.stop()
    assert convicted(written.got("m1", "b").got("m2", "b", "c")) == said


@pytest.mark.parametrize("order", ["fifo", "causal", "total"])
@pytest.mark.parametrize("stop", [True, False])
def test_what_was_taken_out_of_the_queue_comes_last_when_it_is_flushed(order: str, stop: bool) -> None:
    written = H(Policy(order=order)).join("a", "c", "d").send("m1", "a").send("m2", "a")  # type: ignore[arg-type]
    written.got("m1", "d").got("m2", "d")
    if stop:
        written.stop()
    said = convicted(written.got("m2", "c").got("m1", "c"))
    assert bool(said) != stop
    assert all(finding.startswith("HF11") for finding in said)


@pytest.mark.parametrize(("restart", "said"), [(True, []), (False, ["HF105 history"])])
def test_an_outbox_goes_on_after_a_restart(restart: bool, said: list[str]) -> None:
    """m and m2 had reached x, not yet y; the new process goes on with its outbox, for whoever is there."""
    written = H(Policy(replay="none", echo="never")).join("a", "x", "y").send("m", "a").send("m2", "a")
    written.got("m", "x").got("m2", "x")
    if restart:
        written.stop().ended("a", SrvEof).ended("x", SrvEof).ended("y", SrvEof).stopped().add(Restarted)
    else:
        written.got("m", "y").got("m2", "y")
    assert convicted(written.join("c").got("m", "c")) == said


# ---- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quiet", "said"), [(0.0, []), (1.0, ["HF303 storm"])])
def test_a_game_server_ticks_sixty_times_a_second(quiet: float, said: list[str]) -> None:
    written = H().join("a", "b").wait(quiet)
    for _ in range(360):
        written.wait(1 / 60 - 0.002).frame("a", '{"type":"tick"}').frame("b", '{"type":"tick"}')
    assert convicted(written) == said


@pytest.mark.parametrize(("first", "said"), [("u0", []), ("u1", ["HF602 identity"])])
def test_everybody_is_told_who_comes_by_the_frame_that_welcomes(first: str, said: list[str]) -> None:
    written = H(Policy(group="all")).join("a").named("a", first).join("b", user="u1").named("b", "u1").named("a", "u1")
    assert [finding.split(":")[0] for finding in convicted(written)] == said
