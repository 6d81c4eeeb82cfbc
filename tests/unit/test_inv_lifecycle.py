"""HF301 collateral-close and HF302 head-of-line: another's end or stall is nobody else's (SPEC 2.7)."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.history import SrvEof, SrvRst
from fuzzer.invariants import judge
from fuzzer.policy import Limit, Policy

EVICT = Policy(limit=Limit(2, "evict-oldest", codes=(4009,)))
NOTHING: set[str] = set()
CLOSED = {"HF301 violated"}
BLOCKED = {"HF302 violated"}


# ---- collateral close ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [1011, 1000, 4009, SrvEof, SrvRst])
def test_a_member_that_gave_no_cause_is_ended(how: int | type[SrvEof | SrvRst]) -> None:
    written = H().join("a", "b").drop("b").ended("a", how)
    assert says(written) == CLOSED
    assert obligations(written, "HF301") == 2


def test_a_torn_connection_is_one_failure_whether_it_ends_with_fin_or_reset() -> None:
    """Which of the two a kernel sends depends on whether the server had read all that had come."""
    found = [judge(H().join("a").ended("a", how).history()).violations[0] for how in (SrvEof, SrvRst, 1011)]
    assert found[0].fingerprint == found[1].fingerprint != found[2].fingerprint
    assert found[0].observed != found[1].observed


@pytest.mark.parametrize(
    "written",
    [
        H().join("a").closed("a"),
        H().join("a").drop("a").ended("a", SrvEof),
        H().open("a").ok("a").ended("a", 1011),  # no member yet
        H().join("a").fault("a", "malformed:not-json").ended("a", 1002),
        H().join("a").fault("a", "stall").healed("a").ended("a", 1013),
        H().join("a").fault("a", "mute").ended("a", 1011),
        H(Policy(max_size=2_000)).join("a").send("m", "a", size=3_000).ended("a", 1009),
        H().join("a").phase("drain").ended("a", 1001),
        H().open("a", token="expired").ok("a").ended("a", 4401),
        H(EVICT).join("a", "b").open("c").ended("a", 4009),
        H(EVICT).open("a", "b").ok("a", "b").welcome("a", "b").join("c").ended("b", 4009),  # overlapped: any order
        H(EVICT).join("b").open("x").open("y").ended("b", 4009),  # three may have been there
        H(Policy(sessions="takeover")).join("a", session="s").open("b", session="s").ended("a", 4001),
        H(Policy(sessions="takeover")).open("a", "b", session="s").ok("a", "b").welcome("b", "a").ended("b", 4001),
    ],
    ids=[
        "closed", "dropped", "101", "malformed", "stalled", "mute", "oversize", "drain", "bad-token", "evicted",
        "evicted-any-order", "evicted-for-an-attempt", "taken-over", "taken-over-any-order",
    ],
)  # fmt: skip
def test_an_end_that_the_server_may_make(written: H) -> None:
    assert says(written) == NOTHING


@pytest.mark.parametrize(
    "written",
    [
        H().join("a", "b", "c").ended("a", 4009),  # no eviction without the dial
        H(EVICT).join("a", "b").ended("a", 4000),  # at the limit
        H(EVICT).join("a", "b").open("c").ended("b", 4000),  # not the oldest
        H(EVICT).join("a", "b").open("c", user="u1").ended("a", 4000),  # because of somebody else's user
        H(EVICT).join("a").closed("a").controls(2.2).join("b").open("c").ended("b", 4000),  # a is surely gone
        H().join("a", session="s").open("b", session="s").ended("a", 4001),  # no takeover without the dial
        H(Policy(sessions="takeover")).join("a", session="s").open("b", session="t").ended("a", 4001),
        H(Policy(sessions="takeover")).join("a", session="s").join("b", session="s").ended("b", 4001),
        H(Policy(limit=Limit(2, codes=(1008,)))).join("a", "b").open("c").ended("a", 1008),
        H().join("s", role="slot").phase("canary").ended("s", 1011),
    ],
    ids=[
        "no-dial",
        "needless",
        "wrong",
        "foreign",
        "released",
        "no-takeover",
        "other-session",
        "heir",
        "reject",
        "slot",
    ],
)
def test_an_end_that_nothing_explains(written: H) -> None:
    assert says(written) == CLOSED


@pytest.mark.parametrize(("lag", "heartbeat", "found"), [(0.3, None, "violated"), (0.6, None, "inconclusive"),
                                                        (0.3, 1.0, "inconclusive")])  # fmt: skip
def test_when_hubfuzz_itself_was_late_a_hub_may_have_taken_it_for_dead(
    lag: float, heartbeat: float | None, found: str
) -> None:
    assert says(H(Policy(t_heartbeat=heartbeat)).join("a").lag(lag).ended("a")) == {f"HF301 {found}"}


def test_lateness_afterwards_excuses_nothing() -> None:
    assert says(H().join("a").ended("a").lag(9)) == CLOSED


def test_whoever_was_only_open_was_not_checked() -> None:
    assert obligations(H().open("a").ok("a"), "HF301") == 0


# ---- head of line --------------------------------------------------------------------------------------------------


def behind(policy: Policy | None = None, size: int = 40_000, fault: str = "stall") -> H:
    """c does not read; enough is sent to it; then m of a does not arrive on b."""
    written = H(policy).join("a", "b", "c")
    written = written.drop("c", "vanish") if fault == "vanish" else written.fault("c", fault)
    return written.send("big", "a", size=size).got("big", "b").send("m", "a")


@pytest.mark.parametrize("fault", ["stall", "vanish"])
def test_who_does_not_read_holds_up_another(fault: str) -> None:
    written = behind(fault=fault).controls(5.2).quiet(complete=False)
    assert says(written) == BLOCKED
    assert obligations(written, "HF302") == 1


def test_held_up_until_the_other_reads_again() -> None:
    written = behind().controls(5.2).quiet(complete=False).healed("c").got("m", "b")
    assert says(written) == BLOCKED


def test_even_the_sender_is_not_read_any_more() -> None:
    written = H().join("a", "b", "c").fault("c").send("big", "a", size=40_000).got("big", "b")
    assert says(written.send("m", "a", flushed=False).controls(5.2).quiet(complete=False)) == BLOCKED


def test_too_little_was_sent_to_block_anything_so_it_is_a_plain_loss() -> None:
    assert says(behind(size=100).controls(5.2).quiet(complete=False)) == {"HF101 violated"}


@pytest.mark.parametrize("found", [behind().controls(4.8), behind().controls(60, ok=False), behind().wait(60)])
def test_a_delay_that_is_not_proved(found: H) -> None:
    assert says(found.quiet(complete=False)) == {"HF302 inconclusive"}


def test_a_lossless_hub_may_make_senders_wait() -> None:
    for size, code in ((40_000, "HF302"), (100, "HF101")):
        written = behind(Policy(slow_consumer="lossless"), size).controls(60).quiet(complete=False)
        assert says(written) == {f"{code} inconclusive"}


@pytest.mark.parametrize(
    "written",
    [
        behind().got("m", "b").controls(60).quiet(complete=False),
        behind().controls(60),
        behind().drop("b").controls(60).quiet(complete=False),
        behind().drop("a").controls(60).quiet(complete=False),
        H().join("a", "c").open("b").ok("b").fault("c").send("big", "a", size=40_000).send("m", "a").controls(60)
        .quiet(complete=False),
    ],
    ids=["arrived", "no-fence", "receiver-gone", "sender-gone", "no-member"],
)  # fmt: skip
def test_no_delay_of_anybody_who_is_owed(written: H) -> None:
    assert says(written) == NOTHING


def test_what_the_stalled_one_itself_misses_is_no_delay() -> None:
    written = H().join("a", "c").fault("c").send("m", "a", size=40_000).controls(60).quiet(complete=False)
    assert says(written) == NOTHING


def test_with_all_reading_nothing_was_checked() -> None:
    assert obligations(H().join("a", "b").send("m", "a").got("m", "b"), "HF302") == 0
