"""HF303 error-storm and HF402 resource-leak."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.history import Frame
from fuzzer.invariants.resources import theil_sen
from fuzzer.policy import Policy

CALM = Policy(storm=10)
COUNTED = Policy(resources=True)
NOTHING: set[str] = set()
STORM = {"HF303 violated"}
LEAK = {"HF402 violated"}


# ---- error storm ---------------------------------------------------------------------------------------------------


def test_a_flood_on_a_connection_that_did_nothing() -> None:
    written = H(CALM).join("a").frame("a", "error of b", 12)  # ten, and one for the opening
    assert says(written) == STORM
    assert obligations(written, "HF303") == 1


@pytest.mark.parametrize(
    "written",
    [
        H(CALM).join("a").frame("a", times=11),
        H(CALM).join("a", "b", "c").frame("a", times=13),  # a receipt for each of the others
        H(CALM).join("a", "b").send("m", "a").send("n", "b").close_begun("b").frame("a", times=17),
        H(CALM).join("a", "b", "c", "d").send("m", "a").frame("a", times=18),  # "read by b", "read by c", ...
        H(CALM).join("a").fault("a", "malformed:not-json").frame("a", times=99),
        H(CALM).open("a", token="expired").ok("a").frame("a", times=99),
        H(CALM).join("a").frame("a", times=8).wait(6).frame("a", times=8),  # a trickle is no flood
        H().join("a").frame("a", times=200),
    ],
    ids=["few", "presence", "told", "receipts", "own-fault", "bad-token", "trickle", "default"],
)
def test_frames_that_are_no_flood(written: H) -> None:
    assert says(written) == NOTHING


def test_messages_of_others_are_no_flood_however_many() -> None:
    written = H(CALM).join("a")
    for number in range(99):
        written.add(Frame, conn="a", text=f"old-{number}", known=True)
    assert says(written) == NOTHING


def test_who_asks_is_answered_in_as_many_frames_as_are_no_flood() -> None:
    def joined(by: str, frames: int) -> H:
        return H(CALM).join("a", "b").sub(by).frame("a", "an old one", frames)

    assert says(joined("a", 23)) == NOTHING  # ten, ten for the subscription, and one for each thing that was done
    assert says(joined("a", 24)) == says(joined("b", 14)) == STORM


def test_a_flood_after_a_trickle() -> None:
    assert says(H(CALM).join("a").frame("a", times=8).wait(6).frame("a", times=12)) == STORM


# ---- resources -----------------------------------------------------------------------------------------------------


def cycles(values: list[int], name: str = "process.fds", rest: float = 5.5, policy: Policy | None = None) -> H:
    """Each cycle opens and drops one connection and reads the value; before the last one everything is released."""
    written = H(policy or COUNTED)
    for number, value in enumerate(values):
        written.join(f"a{number}").drop(f"a{number}")
        if number == len(values) - 1:
            written.controls(rest)
        written.count(name, value, "cycle")
    return written


@pytest.mark.parametrize("name", ["process.fds", "process.threads", "process.close_wait"])
def test_a_count_that_grows_with_every_cycle(name: str) -> None:
    written = cycles([10, 12, 13, 14, 15, 16, 17, 18], name)
    assert says(written) == LEAK
    assert obligations(written, "HF402") == 1


def test_one_in_two_cycles_with_noise_is_enough() -> None:
    assert says(cycles([10, 10, 11, 11, 12, 11, 13, 13, 14, 14, 15, 16])) == LEAK


@pytest.mark.parametrize(("slack", "said"), [(39, LEAK), (40, NOTHING)])
def test_a_pool_that_makes_a_thread_for_each_task_until_it_is_full(slack: int, said: set[str]) -> None:
    pool = Policy(resources=True, resources_slack=slack)
    assert says(cycles([10 + 4 * n for n in range(11)], "process.threads", policy=pool)) == said


@pytest.mark.parametrize(
    "written",
    [
        cycles([10, 14, 15, 15, 15, 15, 15, 15]),  # warming up
        cycles([10, 11, 12, 13, 14, 15, 15, 15, 15, 15, 15, 15]),  # a pool that is full
        cycles([10, 12, 9, 13, 10, 12, 9, 14]),  # noise
        cycles([10, 11, 12, 13, 14, 15, 16, 10]),  # all let go at last
        cycles([10, 10, 10, 10, 10, 10, 10, 30]),  # one jump
        cycles([10, 11, 12, 13, 14, 15, 16]),  # too few
        cycles([10, 11, 12, 13, 14, 15, 16, 17], "process.sockets"),
        cycles([10, 11, 12, 13, 14, 15, 16, 17], policy=Policy(resources=False)),
        H(COUNTED).count("process.fds", 5, "before").join("a").closed("a").controls(6).count("process.fds", 9),
    ],
    ids=["warm-up", "pool", "noise", "let-go", "jump", "few", "unknown", "dial", "no-cycle"],
)
def test_counts_that_prove_no_leak(written: H) -> None:
    assert says(written) == NOTHING


def test_while_something_may_still_be_held_nothing_is_proved() -> None:
    assert says(cycles([10, 11, 12, 13, 14, 15, 16, 17], rest=1.0)) == {"HF402 inconclusive"}


def counted(connections: list[int], rest: float = 5.5) -> H:
    """As ``cycles``, of a server that counts its connections itself."""
    written = cycles([10 + n for n in range(len(connections))], rest=rest)
    for value in connections:
        written.count("connections", value, "cycle")
    return written


def test_the_servers_own_counts_do_not_show_that_all_was_released() -> None:
    assert says(counted([0] * 9)) == LEAK
    assert says(counted([0] * 9, rest=1.0)) == {"HF402 inconclusive"}  # counted off, but perhaps not yet let go
    assert says(counted([0, 0, 1, 2, 3, 4, 5, 6, 7])) == {"HF402 inconclusive"}  # it has not yet noticed


def test_without_counts_nobody_knows_what_was_still_held() -> None:
    written = H(COUNTED)
    for number in range(9):
        written.count("process.fds", 10 + number, "cycle")
    assert says(written) == {"HF402 inconclusive"}


def test_memory_is_advice() -> None:
    assert says(cycles([1000 * n for n in range(10)], "process.rss_kb")) == {"HF402 inconclusive"}
    assert says(cycles([100 * n for n in range(10)], "process.rss_kb")) == NOTHING


def test_readings_of_an_earlier_process_do_not_count() -> None:
    written = cycles([10, 11, 12, 13]).restart()
    for value in (14, 15, 16, 17):
        written.count("process.fds", value, "cycle")
    assert says(written) == NOTHING


def test_the_median_slope_is_not_moved_by_one_odd_reading() -> None:
    assert theil_sen([0, 1, 2, 3, 4]) == 1.0
    assert theil_sen([0, 0, 0, 0, 90, 0, 0, 0]) == 0.0
